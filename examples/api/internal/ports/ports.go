// Package ports says what the service needs from the world: the joints to
// which adapters are fitted.
package ports

import (
	"context"
	"time"

	"wherry.example/wherry/examples/api/internal/domain"
)

// Clock tells the time.
type Clock func() time.Time

// Selection says which tasks of an owner are wanted.
type Selection struct {
	// Status is that of the tasks; "" stands for all.
	Status domain.Status
	// After and Before are IDs between which the tasks lie, both exclusive;
	// "" is no bound.
	After, Before domain.ID
	// Last wants the last ones of those that fit, not the first.
	Last bool
	// Limit is how many at most, above 0.
	Limit int
}

// Tasks keeps tasks. Its methods are called from several goroutines. They
// return the errors of package domain that are named here, the error of ctx
// when that is done, and other errors when they could not do their work.
// A method that fails has changed nothing.
//
// Package repotest checks an adapter against all of this.
type Tasks interface {
	// Add keeps a new task. It is domain.ErrQuota if its owner has that many.
	Add(ctx context.Context, t domain.Task, quota int) error
	// Find returns a task, or domain.ErrNotFound if the owner has none of
	// that ID.
	Find(ctx context.Context, owner string, id domain.ID) (domain.Task, error)
	// Select returns tasks of an owner in the order of their IDs, and whether
	// there were more than the limit.
	Select(ctx context.Context, owner string, s Selection) (tasks []domain.Task, more bool, err error)
	// Replace puts a task in place of the one with its owner and ID, if that
	// has this version, in one step: domain.ErrNotFound, domain.ErrStale.
	Replace(ctx context.Context, t domain.Task, version int64) error
	// Remove forgets a task, if it has this version, in one step:
	// domain.ErrNotFound, domain.ErrStale.
	Remove(ctx context.Context, owner string, id domain.ID, version int64) error
	// Ping returns nil if the other methods can do their work.
	Ping(ctx context.Context) error
}
