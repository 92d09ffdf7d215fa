//go:build !purego

package http1

import "encoding/binary"

// This file looks at eight bytes at once. The plain forms stand in scan.go.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// tokenLength is plainTokenLength: names are short, and a table beats words
// there.
func tokenLength(b []byte) int { return plainTokenLength(b) }

// isClean is plainIsClean by words.
func isClean(b []byte) bool {
	for len(b) >= 8 {
		if suspicious(binary.LittleEndian.Uint64(b)) && !plainIsClean(b[:8]) {
			return false
		}
		b = b[8:]
	}
	return plainIsClean(b)
}

// suspicious reports whether one of eight bytes is below 0x20 or is 0x7f; a
// borrow from a neighbour may make it say so in vain.
func suspicious(w uint64) bool {
	control := (w - ones*0x20) & ^w
	del := w ^ ones*0x7f
	return (control|(del-ones)&^del)&highs != 0
}
