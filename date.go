package wherry

import (
	"sync/atomic"
	"time"

	"wherry.example/wherry/internal/http1"
)

// dateCache holds the Date field line of the current second. Dropping it is
// always correct; it saves rendering the same line for each answer, and looking
// at the time of day for it.
type dateCache struct{ line atomic.Pointer[dateLine] }

type dateLine struct {
	until time.Duration // when its second ends
	text  []byte
}

// append appends the Date field line. The time is that since the app was built:
// a second that has begun is not looked at again, so a time of day that is set
// anew shows in the next one.
func (d *dateCache) append(dst []byte, now time.Duration) []byte {
	line := d.line.Load()
	if line == nil || now >= line.until {
		line = newDateLine(now, time.Now())
		d.line.Store(line)
	}
	return append(dst, line.text...)
}

// newDateLine renders the line for a time of day, which it is now.
func newDateLine(now time.Duration, day time.Time) *dateLine {
	text := append(http1.AppendDate([]byte("Date: "), day.Unix()), '\r', '\n')
	return &dateLine{now + time.Second - time.Duration(day.Nanosecond()), text}
}
