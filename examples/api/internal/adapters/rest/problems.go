package rest

import (
	"errors"

	"wherry.example/wherry"
	"wherry.example/wherry/examples/api/internal/domain"
)

// problems is the only place where an error of the domain becomes an answer.
// What it does not know is a plain 500, or what the middleware around it makes
// of it, such as the 503 of Timeout.
func problems(next wherry.Handler) wherry.Handler {
	return func(c *wherry.Context) error { return problem(next(c)) }
}

func problem(err error) error {
	var invalid *domain.Invalid
	switch {
	case errors.As(err, &invalid):
		p := &wherry.Error{Status: 422, Detail: "The task breaks rules.", Err: err}
		for _, f := range invalid.Faults {
			p.Errors = append(p.Errors, wherry.FieldError{Pointer: "#/" + f.Field, Detail: f.Reason})
		}
		return p
	case errors.Is(err, domain.ErrNotFound):
		return &wherry.Error{Status: 404, Detail: "There is no such task.", Err: err}
	case errors.Is(err, domain.ErrStale):
		return &wherry.Error{Status: 412, Detail: "The task has been changed since you have seen it. Get it again.", Err: err}
	case errors.Is(err, domain.ErrDone):
		return &wherry.Error{Status: 409, Detail: "The task is done. Open it before you change it.", Err: err}
	case errors.Is(err, domain.ErrQuota):
		return &wherry.Error{Status: 409, Detail: "You have as many tasks as you may have. Delete one first.", Err: err}
	}
	return err
}
