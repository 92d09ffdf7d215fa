//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package engine

// kinds is the table of engines that work here, the best first. Kqueue builds,
// but its tests were never run on these systems: until then who wants it asks
// for it.
var kinds = []maker{
	{Threaded, newThreaded},
	{Kqueue, loopsOn(newKqueue)},
	{Poll, loopsOn(newPollSet)},
}
