package engine

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epoll watches with epoll, edge-triggered: sockets are registered once. The
// epoll descriptor itself waits in the runtime's poller, so a sleeping loop
// parks a goroutine and not a thread, and waking it costs no futex.
//
// Nothing is lost between an empty poll and the parking: Read forgets earlier
// readiness of the epoll descriptor before it calls back, and what comes after
// that is either seen by the poll or ends the wait.
type epoll struct {
	file   *os.File // owns the descriptor
	raw    syscall.RawConn
	epfd   int
	wakefd int
	poll   func(uintptr) bool // attempt, made once

	// Of the wait that is running.
	events []event
	n      int
	sleep  func() bool
	err    error
	buf    [eventBatch]unix.EpollEvent
}

func newEpoll() (poller, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	wakefd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.SetNonblock(epfd, true)
	}
	if err != nil {
		_ = unix.Close(epfd)
		if wakefd >= 0 {
			_ = unix.Close(wakefd)
		}
		return nil, os.NewSyscallError("eventfd", err)
	}
	p := &epoll{file: os.NewFile(uintptr(epfd), "epoll"), epfd: epfd, wakefd: wakefd}
	p.poll = p.attempt
	if p.raw, err = p.file.SyscallConn(); err == nil {
		err = p.control(unix.EPOLL_CTL_ADD, int32(wakefd), 0, unix.EPOLLIN|unix.EPOLLET)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *epoll) control(op int, fd int32, gen uint32, events uint32) error {
	e := unix.EpollEvent{Events: events, Fd: fd, Pad: int32(gen)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epfd, op, int(fd), &e))
}

const epollRead = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET

func (p *epoll) add(fd int32, gen uint32) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, gen, epollRead)
}

func (p *epoll) arm(fd int32, gen uint32, what readiness) {
	if what&canWrite != 0 {
		_ = p.control(unix.EPOLL_CTL_MOD, fd, gen, epollRead|unix.EPOLLOUT)
	}
}

// remove has nothing to do: closing the descriptor ends the watching.
func (p *epoll) remove(int32) {}

func (p *epoll) wait(events []event, sleep func() bool) (int, error) {
	p.events, p.sleep, p.n, p.err = events, sleep, 0, nil
	err := p.raw.Read(p.poll)
	if p.err != nil {
		err = p.err
	}
	return p.n, err
}

// attempt asks once, without waiting; false means to wait.
func (p *epoll) attempt(uintptr) (done bool) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epfd), uintptr(unsafe.Pointer(&p.buf[0])), uintptr(len(p.buf)), 0, 0, 0)
	switch {
	case errno == syscall.EINTR:
		return true
	case errno != 0:
		p.err = os.NewSyscallError("epoll_wait", errno)
		return true
	case n == 0:
		return !p.sleep()
	}
	for i := range p.buf[:n] {
		e := &p.buf[i]
		if e.Fd == int32(p.wakefd) {
			continue
		}
		p.events[p.n] = event{fd: e.Fd, gen: uint32(e.Pad), what: fromEpoll(e.Events)}
		p.n++
	}
	return true
}

// fromEpoll translates.
func fromEpoll(bits uint32) (what readiness) {
	if bits&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		what |= canRead
	}
	if bits&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		what |= canWrite
	}
	if bits&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		what |= peerLeft
	}
	return what
}

// wake adds to a counter that nobody reads: each addition is an edge.
func (p *epoll) wake() {
	one := uint64(1)
	_, _ = unix.Write(p.wakefd, (*[8]byte)(unsafe.Pointer(&one))[:])
}

func (p *epoll) close() {
	_ = p.file.Close()
	_ = unix.Close(p.wakefd)
}
