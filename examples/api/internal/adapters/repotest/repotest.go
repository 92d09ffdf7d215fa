// Package repotest checks whether an adapter keeps the contract of
// ports.Tasks. An adapter for a database passes it against an empty one:
//
//	func TestContract(t *testing.T) {
//		repotest.Run(t, func(t *testing.T) ports.Tasks { return open(t) })
//	}
package repotest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wherry.example/wherry/examples/api/internal/domain"
	"wherry.example/wherry/examples/api/internal/ports"
)

// Run runs all checks, each on an empty adapter.
func Run(t *testing.T, open func(t *testing.T) ports.Tasks) {
	for name, check := range map[string]func(*testing.T, ports.Tasks){
		"keeps": keeps, "quota": quota, "owners": owners, "versions": versions,
		"pages": pages, "cancelled": cancelled, "race": race, "race for the quota": quotaRace,
	} {
		t.Run(name, func(t *testing.T) { check(t, open(t)) })
	}
}

const plenty = 1000

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func want(t *testing.T, ok bool, what string, got ...any) {
	t.Helper()
	if !ok {
		t.Fatal(append([]any{what + ", but got:"}, got...)...)
	}
}

// newTask makes the task that is the nth in the order of IDs.
func newTask(t *testing.T, owner string, n int) domain.Task {
	t.Helper()
	task, err := domain.New(owner, domain.Draft{Title: "task", Status: domain.Open}, noon.Add(time.Duration(n)*time.Second))
	want(t, err == nil, "a valid task", err)
	return task
}

func keeps(t *testing.T, r ports.Tasks) {
	ctx := t.Context()
	want(t, r.Ping(ctx) == nil, "ready")
	task := newTask(t, "ada", 0)
	task.Due, task.Notes = noon, "ü\n\t'\"%"
	want(t, r.Add(ctx, task, plenty) == nil, "added")
	got, err := r.Find(ctx, "ada", task.ID)
	want(t, err == nil && got == task, "the same task", got, err)
	want(t, r.Remove(ctx, "ada", task.ID, 1) == nil, "removed")
	_, err = r.Find(ctx, "ada", task.ID)
	want(t, errors.Is(err, domain.ErrNotFound), "gone", err)
	err = r.Remove(ctx, "ada", task.ID, 1)
	want(t, errors.Is(err, domain.ErrNotFound), "gone", err)
	err = r.Replace(ctx, task, 1)
	want(t, errors.Is(err, domain.ErrNotFound), "gone", err)
}

func quota(t *testing.T, r ports.Tasks) {
	ctx := t.Context()
	err := r.Add(ctx, newTask(t, "ada", 0), 0)
	want(t, errors.Is(err, domain.ErrQuota), "no room for any", err)
	first := newTask(t, "ada", 0)
	want(t, r.Add(ctx, first, 2) == nil, "room for one")
	want(t, r.Add(ctx, newTask(t, "ada", 1), 2) == nil, "room for two")
	err = r.Add(ctx, newTask(t, "ada", 2), 2)
	want(t, errors.Is(err, domain.ErrQuota), "no room for three", err)
	want(t, r.Add(ctx, newTask(t, "bob", 3), 2) == nil, "room for others")
	want(t, r.Remove(ctx, "ada", first.ID, 1) == nil, "removed")
	want(t, r.Add(ctx, newTask(t, "ada", 4), 2) == nil, "room again")
}

func owners(t *testing.T, r ports.Tasks) {
	ctx := t.Context()
	task := newTask(t, "ada", 0)
	want(t, r.Add(ctx, task, plenty) == nil, "added")
	_, err := r.Find(ctx, "bob", task.ID)
	want(t, errors.Is(err, domain.ErrNotFound), "not seen by others", err)
	err = r.Remove(ctx, "bob", task.ID, 1)
	want(t, errors.Is(err, domain.ErrNotFound), "not removed by others", err)
	stolen := task
	stolen.Owner = "bob"
	err = r.Replace(ctx, stolen, 1)
	want(t, errors.Is(err, domain.ErrNotFound), "not replaced by others", err)
	list, more, err := r.Select(ctx, "bob", ports.Selection{Limit: 9})
	want(t, len(list) == 0 && !more && err == nil, "not listed for others", list, more, err)
}

func versions(t *testing.T, r ports.Tasks) {
	ctx := t.Context()
	first := newTask(t, "ada", 0)
	want(t, r.Add(ctx, first, plenty) == nil, "added")
	second := first
	second.Version, second.Title = 2, "second"
	err := r.Replace(ctx, second, 2)
	want(t, errors.Is(err, domain.ErrStale), "another version", err)
	want(t, r.Replace(ctx, second, 1) == nil, "replaced")
	err = r.Replace(ctx, second, 1)
	want(t, errors.Is(err, domain.ErrStale), "another version", err)
	err = r.Remove(ctx, "ada", first.ID, 1)
	want(t, errors.Is(err, domain.ErrStale), "another version", err)
	got, err := r.Find(ctx, "ada", first.ID)
	want(t, err == nil && got == second, "the second version", got, err)
}

func pages(t *testing.T, r ports.Tasks) {
	ctx := t.Context()
	var all []domain.ID
	for _, n := range []int{3, 0, 4, 1, 2} { // the order of adding means nothing
		task := newTask(t, "ada", n)
		if n%2 == 1 {
			task.Status = domain.Done
		}
		want(t, r.Add(ctx, task, plenty) == nil, "added")
		all = append(all, task.ID)
	}
	slices.Sort(all)
	nowhere := domain.NewID(noon.Add(1500 * time.Millisecond)) // between 1 and 2
	for _, c := range []struct {
		sel  ports.Selection
		want []int
		more bool
	}{
		{ports.Selection{Limit: 5}, []int{0, 1, 2, 3, 4}, false},
		{ports.Selection{Limit: 4}, []int{0, 1, 2, 3}, true},
		{ports.Selection{Limit: 2, After: all[0]}, []int{1, 2}, true},
		{ports.Selection{Limit: 2, After: all[2]}, []int{3, 4}, false},
		{ports.Selection{Limit: 2, After: all[4]}, nil, false},
		{ports.Selection{Limit: 2, After: nowhere}, []int{2, 3}, true},
		{ports.Selection{Limit: 2, Before: all[4], Last: true}, []int{2, 3}, true},
		{ports.Selection{Limit: 2, Before: all[2], Last: true}, []int{0, 1}, false},
		{ports.Selection{Limit: 2, Before: nowhere, Last: true}, []int{0, 1}, false},
		{ports.Selection{Limit: 9, After: all[0], Before: all[3]}, []int{1, 2}, false},
		{ports.Selection{Limit: 9, After: all[3], Before: all[1]}, nil, false},
		{ports.Selection{Limit: 1, Status: domain.Done}, []int{1}, true},
		{ports.Selection{Limit: 2, Status: domain.Done}, []int{1, 3}, false},
		{ports.Selection{Limit: 1, Status: domain.Open, Last: true}, []int{4}, true},
	} {
		list, more, err := r.Select(ctx, "ada", c.sel)
		var ids, expected []domain.ID
		for _, task := range list {
			ids = append(ids, task.ID)
		}
		for _, n := range c.want {
			expected = append(expected, all[n])
		}
		want(t, err == nil && more == c.more && slices.Equal(ids, expected), "the page", c, ids, more, err)
	}
}

func cancelled(t *testing.T, r ports.Tasks) {
	task := newTask(t, "ada", 0)
	want(t, r.Add(t.Context(), task, plenty) == nil, "added")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, findErr := r.Find(ctx, "ada", task.ID)
	_, _, selectErr := r.Select(ctx, "ada", ports.Selection{Limit: 1})
	for i, err := range []error{
		findErr, selectErr, r.Add(ctx, newTask(t, "ada", 1), plenty), r.Replace(ctx, task, 1),
		r.Remove(ctx, "ada", task.ID, 1), r.Ping(ctx),
	} {
		want(t, errors.Is(err, context.Canceled), "the error of the context", i, err)
	}
	got, _, err := r.Select(t.Context(), "ada", ports.Selection{Limit: 9})
	want(t, len(got) == 1 && err == nil, "nothing has changed", got, err)
}

// race lets many replace the same version: one of them wins each time.
func race(t *testing.T, r ports.Tasks) {
	const turns, racers = 20, 8
	ctx := t.Context()
	task := newTask(t, "ada", 0)
	want(t, r.Add(ctx, task, plenty) == nil, "added")
	for range turns {
		var won, stale atomic.Int64
		next := task
		next.Version++
		together(racers, func() {
			switch err := r.Replace(ctx, next, task.Version); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, domain.ErrStale):
				stale.Add(1)
			}
			_, _, _ = r.Select(ctx, "ada", ports.Selection{Limit: 9})
		})
		want(t, won.Load() == 1 && stale.Load() == racers-1, "one winner", won.Load(), stale.Load())
		task = next
	}
}

// quotaRace lets many add at once: the quota holds.
func quotaRace(t *testing.T, r ports.Tasks) {
	const racers, room = 16, 5
	var added atomic.Int64
	tasks := make(chan domain.Task, racers)
	for n := range racers {
		tasks <- newTask(t, "ada", n)
	}
	together(racers, func() {
		if r.Add(t.Context(), <-tasks, room) == nil {
			added.Add(1)
		}
	})
	list, _, err := r.Select(t.Context(), "ada", ports.Selection{Limit: plenty})
	want(t, added.Load() == room && len(list) == room && err == nil, "as many as there is room for", added.Load(), len(list), err)
}

// together runs f on n goroutines and waits for them.
func together(n int, f func()) {
	var all sync.WaitGroup
	for range n {
		all.Go(f)
	}
	all.Wait()
}
