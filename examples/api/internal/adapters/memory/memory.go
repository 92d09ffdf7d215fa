// Package memory keeps tasks in the memory of this process: for tests, and
// until there is a database. What it holds is bounded by the quota of an owner
// times the number of owners, who are those with a key.
package memory

import (
	"context"
	"slices"
	"sync"

	"wherry.example/wherry/examples/api/internal/domain"
	"wherry.example/wherry/examples/api/internal/ports"
)

// Tasks is a ports.Tasks. The zero value is empty and ready.
type Tasks struct {
	mu     sync.RWMutex // guards the following
	owners map[string]*shelf
}

var _ ports.Tasks = (*Tasks)(nil)

// shelf holds the tasks of one owner.
type shelf struct {
	tasks map[domain.ID]domain.Task
	order []domain.ID // rising
}

// Add keeps a new task.
func (m *Tasks) Add(ctx context.Context, t domain.Task, quota int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	s := m.owners[t.Owner]
	switch {
	case s == nil && quota <= 0, s != nil && len(s.order) >= quota:
		return domain.ErrQuota
	case s == nil:
		s = &shelf{tasks: map[domain.ID]domain.Task{}}
		if m.owners == nil {
			m.owners = map[string]*shelf{}
		}
		m.owners[t.Owner] = s
	}
	s.tasks[t.ID] = t
	at, _ := slices.BinarySearch(s.order, t.ID) // nearly always the end
	s.order = slices.Insert(s.order, at, t.ID)
	return nil
}

// Find returns a task.
func (m *Tasks) Find(ctx context.Context, owner string, id domain.ID) (domain.Task, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return domain.Task{}, err
	}
	return m.find(owner, id)
}

// find returns a task. Called with the lock held.
func (m *Tasks) find(owner string, id domain.ID) (domain.Task, error) {
	if s := m.owners[owner]; s != nil {
		if t, ok := s.tasks[id]; ok {
			return t, nil
		}
	}
	return domain.Task{}, domain.ErrNotFound
}

// Select returns tasks in the order of their IDs.
func (m *Tasks) Select(ctx context.Context, owner string, sel ports.Selection) (tasks []domain.Task, more bool, err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	s := m.owners[owner]
	if s == nil {
		return nil, false, nil
	}
	ids := between(s.order, sel)
	for i := range ids {
		id := ids[i]
		if sel.Last {
			id = ids[len(ids)-1-i]
		}
		t := s.tasks[id]
		if sel.Status != "" && t.Status != sel.Status {
			continue
		}
		if len(tasks) == sel.Limit {
			more = true
			break
		}
		tasks = append(tasks, t)
	}
	if sel.Last {
		slices.Reverse(tasks)
	}
	return tasks, more, nil
}

// between cuts a list of rising IDs to the bounds.
func between(ids []domain.ID, sel ports.Selection) []domain.ID {
	if sel.Before != "" {
		end, _ := slices.BinarySearch(ids, sel.Before)
		ids = ids[:end]
	}
	if sel.After != "" {
		begin, found := slices.BinarySearch(ids, sel.After)
		if found {
			begin++
		}
		ids = ids[begin:]
	}
	return ids
}

// Replace puts a task in place of one of this version.
func (m *Tasks) Replace(ctx context.Context, t domain.Task, version int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(ctx, t.Owner, t.ID, version); err != nil {
		return err
	}
	m.owners[t.Owner].tasks[t.ID] = t
	return nil
}

// Remove forgets a task of this version.
func (m *Tasks) Remove(ctx context.Context, owner string, id domain.ID, version int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(ctx, owner, id, version); err != nil {
		return err
	}
	s := m.owners[owner]
	delete(s.tasks, id)
	at, _ := slices.BinarySearch(s.order, id)
	s.order = slices.Delete(s.order, at, at+1)
	if len(s.order) == 0 {
		delete(m.owners, owner)
	}
	return nil
}

// check returns nil if there is this version of a task. Called with the lock
// held.
func (m *Tasks) check(ctx context.Context, owner string, id domain.ID, version int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t, err := m.find(owner, id)
	if err == nil && t.Version != version {
		err = domain.ErrStale
	}
	return err
}

// Ping always finds its memory.
func (m *Tasks) Ping(ctx context.Context) error { return ctx.Err() }
