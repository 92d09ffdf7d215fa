//go:build purego

package http1

func nameEnd(b []byte, i int) int   { return plainNameEnd(b, i) }
func valueEnd(b []byte, i int) int  { return plainValueEnd(b, i) }
func targetEnd(b []byte, i int) int { return plainTargetEnd(b, i) }
