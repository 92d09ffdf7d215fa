package http1

// This file is the plain form of the two scans that touch every byte of a
// head. scan_swar.go holds the same by words; a fuzz target keeps them equal.

// plainTokenLength returns how many bytes of the token at the front of b.
func plainTokenLength(b []byte) int {
	for i, c := range b {
		if classes[c]&inToken == 0 {
			return i
		}
	}
	return len(b)
}

// plainIsClean reports whether b has no control byte but HTAB.
func plainIsClean(b []byte) bool { return IsFieldValue(b) }
