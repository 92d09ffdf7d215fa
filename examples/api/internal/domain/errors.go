package domain

import (
	"errors"
	"strings"
)

// What can be wrong with a wish that is well formed. Adapters wrap nothing
// around these that would hide them from errors.Is.
var (
	// ErrNotFound: there is no such task, or it belongs to somebody else.
	ErrNotFound = errors.New("no such task")
	// ErrStale: the task has been changed since the caller looked at it.
	ErrStale = errors.New("the task has another version")
	// ErrDone: the task is done; it must be opened before it is changed.
	ErrDone = errors.New("the task is done")
	// ErrQuota: the owner has as many tasks as one may have.
	ErrQuota = errors.New("the owner has too many tasks")
)

// Fault says what is wrong with one field of a [Draft].
type Fault struct {
	Field  string // "title", "notes", "due" or "status"
	Reason string
}

// Invalid is the error of a draft that breaks rules: all of them at once.
type Invalid struct {
	Faults []Fault
}

// Error lists the faults.
func (e *Invalid) Error() string {
	var list []string
	for _, f := range e.Faults {
		list = append(list, f.Field+" "+f.Reason)
	}
	return "invalid task: " + strings.Join(list, "; ")
}
