//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// pollSet watches with poll(2), which every Unix has. It is the plainest of
// the pollers and not a fast one: what keeps a loop working on it keeps the
// loop free of what epoll alone can do. Each event is told once and must be
// asked for again, and a sleeping loop holds a thread.
type pollSet struct {
	rouse rouse

	mu      sync.Mutex // guards the following
	members map[int32]pollMember
	asleep  bool // a wait is in poll or about to be

	// Of the wait that is running.
	fds  []unix.PollFd
	gens []uint32 // of the sockets in fds
}

// pollMember is a socket and what is asked of it.
type pollMember struct {
	gen  uint32
	what readiness
}

func newPollSet() (poller, error) {
	r, err := openRouse()
	if err != nil {
		return nil, err
	}
	return &pollSet{rouse: r, members: map[int32]pollMember{}}, nil
}

func (p *pollSet) add(fd int32, gen uint32) error {
	p.change(func() { p.members[fd] = pollMember{gen, canRead | peerLeft} })
	return nil
}

func (p *pollSet) arm(fd int32, gen uint32, what readiness) {
	p.change(func() {
		if m, ok := p.members[fd]; ok && m.gen == gen {
			m.what |= what
			p.members[fd] = m
		}
	})
}

func (p *pollSet) remove(fd int32) { p.change(func() { delete(p.members, fd) }) }

// change changes the set and makes a sleeping wait look at it. It holds mu until
// it has: a wait that ends meanwhile may be the last one, and then the number of
// the pipe is another's.
func (p *pollSet) change(how func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	how()
	if p.asleep {
		p.wake()
	}
}

func (p *pollSet) wait(events []event, sleep func() bool) (int, error) {
	n, err := p.ask(events, 0)
	if n > 0 || err != nil || !sleep() {
		return n, err
	}
	return p.ask(events, -1)
}

// ask calls poll once, with this many milliseconds of patience, -1 for ever.
func (p *pollSet) ask(events []event, patience int) (int, error) {
	p.mu.Lock()
	p.asleep = patience != 0
	p.list()
	p.mu.Unlock()
	_, err := unix.Poll(p.fds, patience)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asleep = false
	if err == unix.EINTR {
		return 0, nil
	}
	if err != nil {
		return 0, os.NewSyscallError("poll", err)
	}
	if p.fds[0].Revents != 0 {
		p.rouse.drain()
	}
	return p.collect(events), nil
}

// list makes the question for poll. mu is held.
func (p *pollSet) list() {
	p.fds = append(p.fds[:0], unix.PollFd{Fd: int32(p.rouse.out()), Events: unix.POLLIN})
	p.gens = append(p.gens[:0], 0)
	for fd, m := range p.members {
		if m.what != 0 {
			p.fds = append(p.fds, unix.PollFd{Fd: fd, Events: toPoll(m.what)})
			p.gens = append(p.gens, m.gen)
		}
	}
}

// collect turns the answers of poll into events, each told once. A socket may
// have been closed since list, and another may have its number: what is true
// of that one is told when it has been asked for. mu is held.
func (p *pollSet) collect(events []event) (n int) {
	for i, fd := range p.fds {
		if i == 0 || fd.Revents == 0 || n == len(events) {
			continue
		}
		m, ok := p.members[fd.Fd]
		if !ok || m.gen != p.gens[i] {
			continue
		}
		what := fromPoll(fd.Revents)
		if fd.Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0 {
			m.what = 0 // these are told without being asked for: only silence stops them
		} else {
			m.what &^= what
		}
		events[n] = event{fd: fd.Fd, gen: m.gen, what: what}
		p.members[fd.Fd] = m
		n++
	}
	return n
}

// toPoll and fromPoll translate.
func toPoll(what readiness) (bits int16) {
	if what&canRead != 0 {
		bits |= unix.POLLIN
	}
	if what&canWrite != 0 {
		bits |= unix.POLLOUT
	}
	if what&peerLeft != 0 {
		bits |= pollPeerLeft
	}
	return bits
}

func fromPoll(bits int16) (what readiness) {
	const broken = unix.POLLHUP | unix.POLLERR | unix.POLLNVAL
	if bits&(unix.POLLIN|pollPeerLeft|broken) != 0 {
		what |= canRead
	}
	if bits&(unix.POLLOUT|broken) != 0 {
		what |= canWrite
	}
	if bits&(pollPeerLeft|broken) != 0 {
		what |= peerLeft
	}
	return what
}

func (p *pollSet) wake()  { p.rouse.ring() }
func (p *pollSet) close() { p.rouse.close() }
