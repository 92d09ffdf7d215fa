package engine

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// This file watches sockets for the leaving of their peers: one epoll instance
// for all of them, made at the first watch, whose own descriptor waits in the
// runtime's poller. Readiness to read says nothing here, so unread bytes do
// not blind it.

// watches is the set of running watches of an engine.
type watches struct {
	mu   sync.Mutex // guards the following
	file *os.File   // the epoll instance; nil until it is needed
	epfd int        // its descriptor; asking the file would make it block
	last int32      // the number of the newest watch
	set  map[int32]*watch
	done chan struct{} // closed when the goroutine has ended
}

// watch is one of them. Its number, not its descriptor, comes with an event,
// so a late event never meets another connection.
type watch struct {
	mu   sync.Mutex // held while gone runs
	gone func()     // nil once called or stopped
}

// add begins a watch. If the system has no room for one, there is none.
func (ws *watches) add(fd int, gone func()) (stop func()) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.file == nil && ws.open() != nil {
		return func() {}
	}
	epfd := ws.epfd
	ws.last++
	number := ws.last
	w := &watch{gone: gone}
	ws.set[number] = w
	event := unix.EpollEvent{Events: unix.EPOLLRDHUP | unix.EPOLLONESHOT, Fd: number}
	if unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, fd, &event) != nil {
		delete(ws.set, number)
		return func() {}
	}
	return func() {
		ws.mu.Lock()
		if ws.file != nil {
			_ = unix.EpollCtl(epfd, unix.EPOLL_CTL_DEL, fd, nil)
		}
		delete(ws.set, number)
		ws.mu.Unlock()
		w.mu.Lock()
		w.gone = nil
		w.mu.Unlock()
	}
}

// open makes the epoll instance and its goroutine. mu is held.
func (ws *watches) open() error {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	if err := unix.SetNonblock(epfd, true); err != nil {
		_ = unix.Close(epfd)
		return err
	}
	file := os.NewFile(uintptr(epfd), "epoll")
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return err
	}
	ws.epfd, ws.file, ws.set, ws.done = epfd, file, map[int32]*watch{}, make(chan struct{})
	go ws.run(raw, ws.done)
	return nil
}

// run hands out events until the instance is closed.
func (ws *watches) run(raw syscall.RawConn, done chan struct{}) {
	defer close(done)
	events := make([]unix.EpollEvent, 64)
	_ = raw.Read(func(fd uintptr) bool {
		for {
			n, err := unix.EpollWait(int(fd), events, 0)
			if err == unix.EINTR {
				continue
			}
			if n <= 0 {
				return false
			}
			for _, event := range events[:n] {
				ws.tell(event.Fd)
			}
		}
	})
}

// tell calls what a watch has to call.
func (ws *watches) tell(number int32) {
	ws.mu.Lock()
	w := ws.set[number]
	ws.mu.Unlock()
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone != nil {
		gone := w.gone
		w.gone = nil
		gone()
	}
}

// close ends the goroutine. Watches that still run tell nothing any more.
func (ws *watches) close() {
	ws.mu.Lock()
	file, done := ws.file, ws.done
	ws.file = nil
	ws.mu.Unlock()
	if file != nil {
		_ = file.Close()
		<-done
	}
}
