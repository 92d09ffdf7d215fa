package http1

// This file is the plain form of the three scans that look at every byte of a
// head: the reference for scan_swar.go, which does the same by words. A fuzz
// target keeps them equal. Each returns the first place from i on that it
// stops at, or the length of b.

// plainNameEnd stops at a byte that cannot be part of a token.
func plainNameEnd[T text](b T, i int) int {
	for i < len(b) && classes[b[i]]&inToken != 0 {
		i++
	}
	return i
}

// plainValueEnd stops at a control byte other than HTAB.
func plainValueEnd[T text](b T, i int) int {
	for i < len(b) && !isControl(b[i]) {
		i++
	}
	return i
}

// plainTargetEnd stops at a byte that cannot be part of a target, or has a
// meaning there: a question mark or a percent sign.
func plainTargetEnd(b []byte, i int) int {
	for i < len(b) && classes[b[i]]&inTarget != 0 {
		i++
	}
	return i
}
