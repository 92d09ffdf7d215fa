package engine

// kinds is the table of engines that work here, the best first.
var kinds = []maker{
	{Epoll, loopsOn(newEpoll)},
	{Threaded, newThreaded},
	{Poll, loopsOn(newPollSet)},
}
