package wherry

import (
	"errors"
	"fmt"
	"time"
)

// NoLimit switches a bound of [Limits] or [Timeouts] off. Zero means the
// default, so that leaving a field out is always safe.
const NoLimit = -1

// Limits bounds what a client can make the server hold. The zero value is the
// defaults that stand at each field; [NoLimit] switches a bound off.
type Limits struct {
	// Head is the size of a request head in bytes, the empty line included.
	// Default 16 KiB. Beyond it: 431.
	Head int
	// FieldLines is the number of field lines of a head, and of a trailer
	// section. Default 100. Beyond it: 431.
	FieldLines int
	// Target is the size of a request target in bytes. Default 8 KiB.
	// Beyond it: 414, before the line has ended.
	Target int
	// Body is the content of a request in bytes, however it is framed.
	// Default 4 MiB; [BodyLimit] sets another bound for a route. Beyond it: 413.
	Body int64
	// ChunkExtensions is the sum of all chunk extensions of one body in
	// bytes. Default 4 KiB. Beyond it: 400.
	ChunkExtensions int
	// Trailer is the size of a trailer section in bytes. Default 8 KiB.
	// Beyond it: 431.
	Trailer int
	// Drain is how much of a body that the handler left unread is read and
	// forgotten so that the connection can persist. Default 256 KiB. Beyond
	// it the connection is closed.
	Drain int64
	// MinRate is the least rate in bytes per second at which a peer must move
	// a body while the server waits for it, after [Timeouts].BodyStall or
	// WriteStall of grace. Default 240.
	MinRate int64
	// Connections is the number of open connections; further ones are closed
	// as they come. Each counts from its accept until it is closed, also
	// when it was hijacked or its answer is kept open. Default unlimited.
	Connections int
}

// Timeouts bounds how long a client can make the server wait. The zero value
// is the defaults that stand at each field; [NoLimit] switches a bound off.
type Timeouts struct {
	// Handshake is the time for a TLS handshake. Default 5 s.
	Handshake time.Duration
	// Head is the time from the first byte of a request head to its last.
	// Default 10 s. Beyond it: 408.
	Head time.Duration
	// BodyStall is how long a body may stand still before its reader gets an
	// error with status 408. It begins anew with every byte. Default 30 s.
	BodyStall time.Duration
	// WriteStall is how long a client may leave an answer unread before the
	// connection is cut. It begins anew with every byte. Default 30 s.
	WriteStall time.Duration
	// Idle is how long a connection may wait for its next request.
	// Default 60 s.
	Idle time.Duration
	// Linger is how long input is read and forgotten before a connection
	// with unread input is closed, so that the client can read the last
	// answer. Default 2 s.
	Linger time.Duration
	// Shutdown is how long [App.Listen] and [App.Run] wait for requests in
	// flight once they are told to stop. Default 20 s.
	Shutdown time.Duration
}

const (
	unlimitedInt   = int(^uint(0)>>1) / 2
	unlimitedInt32 = 1<<31 - 1
	// Beyond a century no timer is needed.
	unlimitedTime = 100 * 365 * 24 * time.Hour
	// Below this a head of any client is refused.
	leastHead = 64
)

// complete puts the defaults in. The error joins one for each impossible field.
func (l Limits) complete() (Limits, error) {
	var wrong []error
	if l.Head > 0 && l.Head < leastHead {
		wrong = append(wrong, fmt.Errorf("Limits.Head is %d bytes: no request fits; give at least %d, 0 for the default, or NoLimit", l.Head, leastHead))
	}
	number := func(name string, v *int, standard int) {
		wrong = append(wrong, completeNumber(name, v, standard, unlimitedInt32))
	}
	number("Limits.Head", &l.Head, 16<<10)
	number("Limits.FieldLines", &l.FieldLines, 100)
	number("Limits.Target", &l.Target, 8<<10)
	number("Limits.ChunkExtensions", &l.ChunkExtensions, 4<<10)
	number("Limits.Trailer", &l.Trailer, 8<<10)
	number("Limits.Connections", &l.Connections, unlimitedInt32)
	wide := func(name string, v *int64, standard int64) {
		wrong = append(wrong, completeNumber(name, v, standard, 1<<62))
	}
	wide("Limits.Body", &l.Body, 4<<20)
	wide("Limits.Drain", &l.Drain, 256<<10)
	if l.MinRate == NoLimit {
		l.MinRate = 0
	} else {
		wide("Limits.MinRate", &l.MinRate, 240)
	}
	return l, errors.Join(wrong...)
}

// complete puts the defaults in. The error joins one for each impossible field.
func (t Timeouts) complete() (Timeouts, error) {
	var wrong []error
	span := func(name string, v *time.Duration, standard time.Duration) {
		wrong = append(wrong, completeNumber(name, v, standard, unlimitedTime))
	}
	span("Timeouts.Handshake", &t.Handshake, 5*time.Second)
	span("Timeouts.Head", &t.Head, 10*time.Second)
	span("Timeouts.BodyStall", &t.BodyStall, 30*time.Second)
	span("Timeouts.WriteStall", &t.WriteStall, 30*time.Second)
	span("Timeouts.Idle", &t.Idle, time.Minute)
	span("Timeouts.Linger", &t.Linger, 2*time.Second)
	span("Timeouts.Shutdown", &t.Shutdown, 20*time.Second)
	return t, errors.Join(wrong...)
}

// completeNumber puts the standard in the place of zero and the widest in the
// place of NoLimit; other negative numbers are mistakes.
func completeNumber[N ~int | ~int64](name string, v *N, standard, widest N) error {
	switch {
	case *v == 0:
		*v = standard
	case *v == NoLimit || *v > widest:
		*v = widest
	case *v < 0:
		return fmt.Errorf("%s is %v: give a positive value, 0 for the default, or NoLimit", name, *v)
	}
	return nil
}
