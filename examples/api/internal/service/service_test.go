package service_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"wherry.example/wherry/examples/api/internal/adapters/memory"
	"wherry.example/wherry/examples/api/internal/domain"
	"wherry.example/wherry/examples/api/internal/ports"
	"wherry.example/wherry/examples/api/internal/service"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

func always(int64) bool { return true }

func exactly(version int64) service.Match { return func(v int64) bool { return v == version } }

var tea = domain.Draft{Title: "tea", Status: domain.Open}

func TestUseCases(t *testing.T) {
	ctx, s := t.Context(), service.New(&memory.Tasks{}, clock, 1)
	task, err := s.Create(ctx, "ada", tea)
	require.NoError(t, err)
	_, err = s.Create(ctx, "ada", tea)
	require.ErrorIs(t, err, domain.ErrQuota)
	got, err := s.Get(ctx, "ada", task.ID)
	require.NoError(t, err)
	require.Equal(t, task, got)

	_, err = s.Change(ctx, "ada", task.ID, exactly(2), tea)
	require.ErrorIs(t, err, domain.ErrStale)
	_, err = s.Change(ctx, "bob", task.ID, always, tea)
	require.ErrorIs(t, err, domain.ErrNotFound)
	_, err = s.Change(ctx, "ada", task.ID, always, domain.Draft{})
	var invalid *domain.Invalid
	require.ErrorAs(t, err, &invalid)
	changed, err := s.Change(ctx, "ada", task.ID, exactly(1), tea)
	require.NoError(t, err)
	require.EqualValues(t, 2, changed.Version)

	list, more, err := s.List(ctx, "ada", ports.Selection{Limit: 1})
	require.NoError(t, err)
	require.False(t, more)
	require.Equal(t, []domain.Task{changed}, list)
	require.ErrorIs(t, s.Delete(ctx, "ada", task.ID, exactly(1)), domain.ErrStale)
	require.NoError(t, s.Delete(ctx, "ada", task.ID, exactly(2)))
	require.ErrorIs(t, s.Delete(ctx, "ada", task.ID, always), domain.ErrNotFound)
}

// rival changes a task each time it was found, a number of times.
type rival struct {
	ports.Tasks
	turns int
}

func (r *rival) Find(ctx context.Context, owner string, id domain.ID) (domain.Task, error) {
	found, err := r.Tasks.Find(ctx, owner, id)
	if err != nil || r.turns == 0 {
		return found, err
	}
	r.turns--
	next := found
	next.Version++
	return found, r.Replace(ctx, next, found.Version)
}

func TestRivals(t *testing.T) {
	r := &rival{Tasks: &memory.Tasks{}}
	ctx, s := t.Context(), service.New(r, clock, 1)
	task, err := s.Create(ctx, "ada", tea)
	require.NoError(t, err)

	r.turns = 1
	_, err = s.Change(ctx, "ada", task.ID, exactly(1), tea)
	require.ErrorIs(t, err, domain.ErrStale, "the version that was meant is gone")
	r.turns = 3
	changed, err := s.Change(ctx, "ada", task.ID, always, tea)
	require.NoError(t, err, "every version was meant")
	require.EqualValues(t, 6, changed.Version)
	r.turns = 3
	require.NoError(t, s.Delete(ctx, "ada", task.ID, always))
}

// broken is an adapter whose database is gone.
type broken struct{ ports.Tasks }

var errGone = errors.New("database is gone")

func (broken) Add(context.Context, domain.Task, int) error { return errGone }

func TestFailure(t *testing.T) {
	task, err := service.New(broken{}, clock, 1).Create(t.Context(), "ada", tea)
	require.ErrorIs(t, err, errGone)
	require.Zero(t, task)
}
