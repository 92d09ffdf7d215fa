//go:build freebsd || netbsd || openbsd || dragonfly

package engine

// boundUnsent does nothing where the system knows no bound.
func boundUnsent(int) {}
