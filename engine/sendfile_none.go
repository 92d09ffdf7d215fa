//go:build netbsd || openbsd

package engine

import "golang.org/x/sys/unix"

// sendFile does not exist here: the caller reads and writes.
func sendFile(int, int, int) (int, error) { return 0, unix.ENOSYS }
