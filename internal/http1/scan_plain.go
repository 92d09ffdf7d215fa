//go:build purego

package http1

func nameEnd[T text](b T, i int) int  { return plainNameEnd(b, i) }
func valueEnd[T text](b T, i int) int { return plainValueEnd(b, i) }
func targetEnd(b []byte, i int) int   { return plainTargetEnd(b, i) }

// quickLine leaves every request line to the readers of parse.go.
func (h *Head) quickLine([]byte, *Limits) bool { return false }

// quickFields leaves every field line to read.
func (r *fieldReader) quickFields([]byte, int) bool { return false }
