//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package engine

// kinds is the table of engines that work here, the best first.
var kinds = []maker{
	{Kqueue, loopsOn(newKqueue)},
	{Threaded, newThreaded},
	{Poll, loopsOn(newPollSet)},
}
