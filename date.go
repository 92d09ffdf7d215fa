package wherry

import (
	"sync/atomic"
	"time"

	"wherry.example/wherry/internal/http1"
)

// dateCache holds what the head of an answer begins with in the current second.
// Dropping it is always correct; it saves rendering the same line for each
// answer, and looking at the time of day for it.
type dateCache struct{ line atomic.Pointer[dateLine] }

type dateLine struct {
	until time.Duration // when its second ends
	ok    []byte        // the status line of 200, and
	date  []byte        // the Date field line, which is the end of it
}

// begin appends the status line and the Date field line: what controls an answer
// stands first, RFC 9110 section 5.3. The time is that since the app was built: a
// second that has begun is not looked at again, so a time of day that is set anew
// shows in the next one.
func (d *dateCache) begin(dst []byte, status int, now time.Duration) []byte {
	line := d.line.Load()
	if line == nil || now >= line.until {
		line = newDateLine(now, time.Now())
		d.line.Store(line)
	}
	if status == 200 { // as most are
		return append(dst, line.ok...)
	}
	return append(http1.AppendStatusLine(dst, status), line.date...)
}

// newDateLine renders the lines for a time of day, which it is now.
func newDateLine(now time.Duration, day time.Time) *dateLine {
	ok := http1.AppendStatusLine(nil, 200)
	status := len(ok)
	ok = append(http1.AppendDate(append(ok, "Date: "...), day.Unix()), '\r', '\n')
	return &dateLine{now + time.Second - time.Duration(day.Nanosecond()), ok, ok[status:]}
}
