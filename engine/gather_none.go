//go:build unix && !linux

package engine

// gather is for Linux, see there.
func gather(int) (gathers bool) { return false }

func gathered(int) {}
