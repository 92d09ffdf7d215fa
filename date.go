package wherry

import (
	"sync/atomic"
	"time"

	"wherry.example/wherry/internal/http1"
)

// dateCache holds the Date field line of the current second. Dropping it is
// always correct; it saves rendering the same line for each answer.
type dateCache struct{ line atomic.Pointer[dateLine] }

type dateLine struct {
	second int64
	text   []byte
}

// append appends the Date field line for that time.
func (d *dateCache) append(dst []byte, now time.Time) []byte {
	second := now.Unix()
	line := d.line.Load()
	if line == nil || line.second != second {
		text := append(http1.AppendDate([]byte("Date: "), second), '\r', '\n')
		line = &dateLine{second, text}
		d.line.Store(line)
	}
	return append(dst, line.text...)
}
