package engine

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// This file watches sockets for whom no goroutine waits: for the leaving of
// the peer while a session works, where readiness to read says nothing and so
// unread bytes do not blind it, and for anything at all while a connection
// rests, see conn_rest.go. There is one epoll instance for all of them, made
// at the first watch, whose own descriptor waits in the runtime's poller.

const (
	peerLeaves = unix.EPOLLRDHUP
	anyNews    = unix.EPOLLIN // the end and errors as well
)

// watches is the set of running watches of an engine.
type watches struct {
	mu    sync.Mutex // guards the following
	file  *os.File   // the epoll instance; nil until it is needed
	epfd  int        // its descriptor; asking the file would make it block
	ended bool       // there are no watches any more
	last  int64      // the number of the newest watch
	set   map[int64]*watch
	done  chan struct{} // closed when the goroutine has ended
}

// watch is one of them. Its number, not its descriptor, comes with an event,
// so a late event never meets another connection.
type watch struct {
	number int64      // set at construction
	mu     sync.Mutex // held while tell runs
	tell   func()     // nil once called or stopped
}

// add begins a watch for some events, of which it calls tell once. before is
// the last one of the same descriptor, nil if that was ended: while it runs
// there is no other. It returns nil if there is no watch: the system may have
// no room for one.
func (ws *watches) add(fd int, before *watch, events uint32, tell func()) *watch {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.ended || ws.file == nil && ws.open() != nil {
		return nil
	}
	op := unix.EPOLL_CTL_ADD
	if before != nil {
		if ws.set[before.number] != nil {
			return nil
		}
		op = unix.EPOLL_CTL_MOD // it has told, and the system keeps its place
	}
	ws.last++
	event := unix.EpollEvent{Events: events | unix.EPOLLONESHOT, Fd: int32(ws.last), Pad: int32(ws.last >> 32)}
	if unix.EpollCtl(ws.epfd, op, fd, &event) != nil {
		return nil
	}
	w := &watch{number: ws.last, tell: tell}
	ws.set[w.number] = w
	return w
}

// forget takes a watch out of the set: what happens from now on is not told.
// It does not wait for what is being told, see end.
func (ws *watches) forget(w *watch) {
	ws.mu.Lock()
	delete(ws.set, w.number)
	ws.mu.Unlock()
}

// disarm takes an open descriptor from the system's list.
func (ws *watches) disarm(fd int) {
	ws.mu.Lock()
	if ws.file != nil {
		_ = unix.EpollCtl(ws.epfd, unix.EPOLL_CTL_DEL, fd, nil)
	}
	ws.mu.Unlock()
}

// end waits while tell runs; it will not run again.
func (w *watch) end() {
	w.mu.Lock()
	w.tell = nil
	w.mu.Unlock()
}

// once calls tell, the first time and unless the watch was ended.
func (w *watch) once() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if tell := w.tell; tell != nil {
		w.tell = nil
		tell()
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
	ws.epfd, ws.file, ws.set, ws.done = epfd, file, map[int64]*watch{}, make(chan struct{})
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
				ws.happened(int64(event.Pad)<<32 | int64(uint32(event.Fd)))
			}
		}
	})
}

// happened calls what a watch has to call. Then it is over.
func (ws *watches) happened(number int64) {
	ws.mu.Lock()
	w := ws.set[number]
	ws.mu.Unlock()
	if w != nil {
		w.once()
		ws.forget(w)
	}
}

// close ends the goroutine. Watches that still run tell nothing any more.
func (ws *watches) close() {
	ws.mu.Lock()
	file, done := ws.file, ws.done
	ws.file, ws.set, ws.ended = nil, nil, true
	ws.mu.Unlock()
	if file != nil {
		_ = file.Close()
		<-done
	}
}
