//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// kqueue watches with kqueue, edge-triggered by EV_CLEAR. Where the system
// lets its descriptor wait in the runtime's poller a sleeping loop parks a
// goroutine, else it holds a thread in kevent.
type kqueue struct {
	kq    int
	file  *os.File // owns kq, nil where it cannot wait in the runtime's poller
	raw   syscall.RawConn
	rouse rouse
	poll  func(uintptr) bool

	mu   sync.Mutex // guards gens
	gens map[int32]uint32

	// Of the wait that is running.
	events []event
	n      int
	sleep  func() bool
	err    error
	buf    [eventBatch]unix.Kevent_t
}

func newKqueue() (poller, error) {
	kq, err := unix.Kqueue()
	if err != nil {
		return nil, os.NewSyscallError("kqueue", err)
	}
	unix.CloseOnExec(kq)
	p := &kqueue{kq: kq, rouse: noRouse, gens: map[int32]uint32{}}
	p.poll = p.attempt
	if unix.SetNonblock(kq, true) == nil {
		p.file = os.NewFile(uintptr(kq), "kqueue")
		// Only a file that waits in the runtime's poller has deadlines.
		if p.raw, err = p.file.SyscallConn(); err != nil || p.file.SetDeadline(time.Time{}) != nil {
			p.raw = nil
		}
	}
	if p.rouse, err = openRouse(); err == nil {
		err = p.change(int32(p.rouse.out()), unix.EVFILT_READ, unix.EV_ADD|unix.EV_CLEAR)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *kqueue) change(fd int32, filter, flags int) error {
	var k [1]unix.Kevent_t
	unix.SetKevent(&k[0], int(fd), filter, flags)
	_, err := unix.Kevent(p.kq, k[:], nil, nil)
	return os.NewSyscallError("kevent", err)
}

// add also keeps the generation: an event of kqueue has room for it only as a
// pointer, which the collector would follow.
func (p *kqueue) add(fd int32, gen uint32) error {
	p.mu.Lock()
	p.gens[fd] = gen
	p.mu.Unlock()
	return p.change(fd, unix.EVFILT_READ, unix.EV_ADD|unix.EV_CLEAR)
}

func (p *kqueue) arm(fd int32, _ uint32, what readiness) {
	if what&canWrite != 0 {
		_ = p.change(fd, unix.EVFILT_WRITE, unix.EV_ADD|unix.EV_ONESHOT)
	}
}

// remove forgets the generation; closing the descriptor ends the watching.
func (p *kqueue) remove(fd int32) {
	p.mu.Lock()
	delete(p.gens, fd)
	p.mu.Unlock()
}

func (p *kqueue) wait(events []event, sleep func() bool) (int, error) {
	p.events, p.sleep, p.n, p.err = events, sleep, 0, nil
	if p.raw != nil {
		if err := p.raw.Read(p.poll); err != nil && p.err == nil {
			p.err = err
		}
		return p.n, p.err
	}
	if !p.attempt(0) {
		p.sit()
		p.collect()
	}
	return p.n, p.err
}

// sit waits until there is something to collect.
func (p *kqueue) sit() {
	_, err := unix.Poll([]unix.PollFd{{Fd: int32(p.kq), Events: unix.POLLIN}}, -1)
	if err != nil && err != unix.EINTR {
		p.err = os.NewSyscallError("poll", err)
	}
}

// attempt asks once, without waiting; false means to wait.
func (p *kqueue) attempt(uintptr) (done bool) {
	if p.collect() {
		return true
	}
	return !p.sleep()
}

// collect asks once; false when there is nothing. remove waits meanwhile, so a
// descriptor whose event is taken cannot be closed, and its number be that of
// another socket, before the generation is looked up.
func (p *kqueue) collect() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := unix.Kevent(p.kq, nil, p.buf[:], &unix.Timespec{})
	if err != nil {
		if err != unix.EINTR {
			p.err = os.NewSyscallError("kevent", err)
		}
		return true
	}
	for i := range p.buf[:n] {
		k := &p.buf[i]
		if int(k.Ident) == p.rouse.out() {
			p.rouse.drain()
			continue
		}
		what := fromKevent(k.Filter == unix.EVFILT_WRITE, uint16(k.Flags), uint32(k.Fflags))
		p.events[p.n] = event{fd: int32(k.Ident), gen: p.gens[int32(k.Ident)], what: what}
		p.n++
	}
	return n > 0
}

func (p *kqueue) wake() { p.rouse.ring() }

func (p *kqueue) close() {
	if p.file != nil {
		_ = p.file.Close()
	} else {
		_ = unix.Close(p.kq)
	}
	p.rouse.close()
}
