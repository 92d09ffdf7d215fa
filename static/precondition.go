package static

import "time"

// This file tells the times by which preconditions go.

// changed returns the time of modification that a client may rely on, zero for
// none.
func (v *variant) changed() time.Time {
	if v.modified == "" {
		return time.Time{}
	}
	return v.mtime
}

// lastModified returns the field value, "" for none. It is never after now
// (section 8.8.2.1).
func (v *variant) lastModified(now time.Time) string {
	if v.modified != "" && v.mtime.After(now) {
		return formatDate(now)
	}
	return v.modified
}

func formatDate(t time.Time) string { return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") }
