// Package service is what can be done with tasks, in the words of the domain:
// the use cases. It is what an adapter on the driving side, such as HTTP,
// calls.
package service

import (
	"context"
	"errors"

	"wherry.example/wherry/examples/api/internal/domain"
	"wherry.example/wherry/examples/api/internal/ports"
)

// Service does things with tasks. Set at construction, then read-only; its
// methods may be called from any goroutine. The owner they take is somebody
// who was authenticated.
type Service struct {
	tasks ports.Tasks
	now   ports.Clock
	quota int
}

// New returns a service that lets an owner have quota tasks.
func New(tasks ports.Tasks, now ports.Clock, quota int) *Service {
	return &Service{tasks, now, quota}
}

// Match reports whether a version of a task is one that the caller means.
type Match func(version int64) bool

// Create makes a task: *domain.Invalid, domain.ErrQuota.
func (s *Service) Create(ctx context.Context, owner string, d domain.Draft) (domain.Task, error) {
	t, err := domain.New(owner, d, s.now())
	if err != nil {
		return domain.Task{}, err
	}
	if err := s.tasks.Add(ctx, t, s.quota); err != nil {
		return domain.Task{}, err
	}
	return t, nil
}

// Get returns a task: domain.ErrNotFound.
func (s *Service) Get(ctx context.Context, owner string, id domain.ID) (domain.Task, error) {
	return s.tasks.Find(ctx, owner, id)
}

// List returns tasks and whether there are more of them.
func (s *Service) List(ctx context.Context, owner string, sel ports.Selection) ([]domain.Task, bool, error) {
	return s.tasks.Select(ctx, owner, sel)
}

// Change replaces what the owner decides of a task, if it has a version that
// is meant: domain.ErrNotFound, domain.ErrStale, domain.ErrDone,
// *domain.Invalid.
func (s *Service) Change(ctx context.Context, owner string, id domain.ID, match Match, d domain.Draft) (changed domain.Task, err error) {
	err = s.attempt(ctx, owner, id, match, func(t domain.Task) error {
		if changed, err = t.Change(d, s.now()); err != nil {
			return err
		}
		return s.tasks.Replace(ctx, changed, t.Version)
	})
	if err != nil {
		return domain.Task{}, err
	}
	return changed, nil
}

// Delete forgets a task, if it has a version that is meant:
// domain.ErrNotFound, domain.ErrStale.
func (s *Service) Delete(ctx context.Context, owner string, id domain.ID, match Match) error {
	return s.attempt(ctx, owner, id, match, func(t domain.Task) error {
		return s.tasks.Remove(ctx, owner, id, t.Version)
	})
}

// attempt does something with a task of a version that is meant. When somebody
// else was quicker it looks again: the new version may be meant as well. It
// ends, since each turn needs another change of that task.
func (s *Service) attempt(ctx context.Context, owner string, id domain.ID, match Match, do func(domain.Task) error) error {
	for {
		t, err := s.tasks.Find(ctx, owner, id)
		if err != nil {
			return err
		}
		if !match(t.Version) {
			return domain.ErrStale
		}
		if err := do(t); !errors.Is(err, domain.ErrStale) {
			return err
		}
	}
}
