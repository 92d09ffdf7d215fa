//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package engine

// kinds is the table of engines that work here, the best first.
var kinds = []maker{{Threaded, newThreaded}}
