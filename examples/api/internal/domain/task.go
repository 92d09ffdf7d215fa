// Package domain holds what a task is and which rules it obeys. It knows
// nothing of HTTP, JSON, storage or configuration.
package domain

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Status says how far a task is.
type Status string

// The statuses of a task.
const (
	Open Status = "open"
	Done Status = "done"
)

// Known reports whether s is one of the statuses.
func (s Status) Known() bool { return s == Open || s == Done }

// Lengths of texts, in characters.
const (
	MaxTitle = 200
	MaxNotes = 2000
)

// maxYears is how far away a task may be due.
const maxYears = 100

// Task is something that somebody wants to be done. It is a value: changing
// one makes another.
type Task struct {
	ID      ID
	Owner   string // the only one who can see it
	Version int64  // 1 when it was made, one more with every change
	Created time.Time
	Updated time.Time
	Draft
}

// Draft is the part of a task that its owner decides.
type Draft struct {
	Title  string
	Notes  string
	Due    time.Time // zero: whenever
	Status Status
}

// New makes a task. The error is an [*Invalid].
func New(owner string, d Draft, now time.Time) (Task, error) {
	faults := d.faults()
	if d.Status == Done {
		faults = append(faults, Fault{"status", "must be open in a new task"})
	}
	faults = append(faults, d.faultsOfDue(now)...)
	if len(faults) > 0 {
		return Task{}, &Invalid{faults}
	}
	now = now.UTC()
	return Task{ID: NewID(now), Owner: owner, Version: 1, Created: now, Updated: now, Draft: d.tidy()}, nil
}

// Change returns the next version of a task. A task that is done can only be
// opened again, else the error is [ErrDone]; any other is an [*Invalid].
func (t Task) Change(d Draft, now time.Time) (Task, error) {
	faults := d.faults()
	// What was in time once may stay as it is.
	if !d.Due.Equal(t.Due) {
		faults = append(faults, d.faultsOfDue(now)...)
	}
	switch {
	case len(faults) > 0:
		return Task{}, &Invalid{faults}
	case t.Status == Done && d.Status == Done:
		return Task{}, ErrDone
	}
	t.Draft = d.tidy()
	t.Version++
	t.Updated = now.UTC()
	return t, nil
}

// tidy returns the draft as it is kept.
func (d Draft) tidy() Draft {
	d.Title = strings.TrimSpace(d.Title)
	if !d.Due.IsZero() {
		d.Due = d.Due.UTC()
	}
	return d
}

// faults returns all that is wrong with the draft by itself.
func (d Draft) faults() (faults []Fault) {
	title := strings.TrimSpace(d.Title)
	switch {
	case title == "":
		faults = append(faults, Fault{"title", "must not be empty"})
	case utf8.RuneCountInString(title) > MaxTitle:
		faults = append(faults, Fault{"title", "must have at most 200 characters"})
	case strings.ContainsFunc(title, unicode.IsControl):
		faults = append(faults, Fault{"title", "must be one line without control characters"})
	}
	switch {
	case utf8.RuneCountInString(d.Notes) > MaxNotes:
		faults = append(faults, Fault{"notes", "must have at most 2000 characters"})
	case strings.ContainsFunc(d.Notes, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		faults = append(faults, Fault{"notes", "must not have control characters other than line feeds and tabs"})
	}
	if !d.Status.Known() {
		faults = append(faults, Fault{"status", "must be open or done"})
	}
	return faults
}

// faultsOfDue returns what is wrong with a due time that was chosen now.
func (d Draft) faultsOfDue(now time.Time) []Fault {
	switch {
	case d.Due.IsZero():
		return nil
	case d.Due.Before(now):
		return []Fault{{"due", "must not be in the past"}}
	case d.Due.After(now.AddDate(maxYears, 0, 0)):
		return []Fault{{"due", "must be at most 100 years away"}}
	}
	return nil
}
