package sse

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Event is one event. The zero Event is a message without text. One that has
// a Retry but neither Name nor Data is no event for the page: the client only
// takes note of ID and Retry.
type Event struct {
	// ID is what a client gives as Last-Event-ID when it connects again. It
	// must not hold CR, LF or NUL. Empty leaves the client's last ID as it is.
	ID string
	// Name is the type of the event, as given to addEventListener; empty
	// means "message". It must not hold CR, LF or NUL.
	Name string
	// Data is the payload, text in UTF-8. Line ends of any kind arrive as
	// "\n", and there may be any number of them.
	Data string
	// Retry is how long the client shall wait before it connects again, in
	// whole milliseconds. Zero leaves that as it is.
	Retry time.Duration
}

// ErrField is returned for an event whose ID or Name holds CR, LF or NUL, or
// whose Retry is negative: what follows could be read as another event.
var ErrField = errors.New("sse: field cannot be sent")

// AppendTo appends the event as it is sent, the blank line at its end
// included. On error dst is returned as it was.
func (e Event) AppendTo(dst []byte) ([]byte, error) {
	switch {
	case strings.ContainsAny(e.ID, "\r\n\x00"):
		return dst, fmt.Errorf("%w: id %q", ErrField, e.ID)
	case strings.ContainsAny(e.Name, "\r\n\x00"):
		return dst, fmt.Errorf("%w: event %q", ErrField, e.Name)
	case e.Retry < 0:
		return dst, fmt.Errorf("%w: retry %v", ErrField, e.Retry)
	}
	dst = appendRetry(dst, e.Retry)
	if e.ID != "" {
		dst = appendLine(dst, "id: ", e.ID)
	}
	if e.Name != "" {
		dst = appendLine(dst, "event: ", e.Name)
	}
	if e.Name != "" || e.Data != "" || e.Retry == 0 {
		dst = appendLines(dst, "data: ", e.Data)
	}
	return append(dst, '\n'), nil
}

func appendRetry(dst []byte, retry time.Duration) []byte {
	if retry <= 0 {
		return dst
	}
	ms := max(1, retry.Milliseconds()) // 0 would mean at once
	return append(strconv.AppendInt(append(dst, "retry: "...), ms, 10), '\n')
}

// appendComment appends text that clients ignore.
func appendComment(dst []byte, text string) []byte {
	return append(appendLines(dst, ":", text), '\n')
}

func appendLine(dst []byte, field, value string) []byte {
	dst = append(dst, field...)
	dst = append(dst, value...)
	return append(dst, '\n')
}

// appendLines appends a line for each line of the value. The standard ends a
// line with CR LF, LF or CR.
func appendLines(dst []byte, field, value string) []byte {
	for {
		i := strings.IndexAny(value, "\r\n")
		if i < 0 {
			return appendLine(dst, field, value)
		}
		dst = appendLine(dst, field, value[:i])
		if value[i] == '\r' && strings.HasPrefix(value[i+1:], "\n") {
			i++
		}
		value = value[i+1:]
	}
}
