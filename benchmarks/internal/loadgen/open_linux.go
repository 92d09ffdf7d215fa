package loadgen

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openLoop asks at a fixed rate. It is one thread with an epoll of its own:
// goroutines that wake each other would cost as much as the servers, and be
// late besides. Whichever connection is free takes the next request that is
// due; when none is free the request waits, and its latency with it.
type openLoop struct {
	Config
	*tally
	epoll              int
	conns              []openConn
	free               []int // in the order in which they became free
	waiting            []slot
	pick               *picker
	begin, from, until time.Time
	step               float64 // nanoseconds between two requests
	handed             int     // slots that have been due
	pending            int     // requests without their answer
	address            unix.Sockaddr
}

// slot is a request that is due: which one, and when.
type slot struct {
	due   time.Time
	class int
	head  []byte
}

// openConn is one connection.
type openConn struct {
	fd    int
	slot  slot
	buf   []byte
	have  int
	skip  int64 // content that is still to come
	asked bool
	ans   answer
}

func runOpen(c Config) (Report, error) {
	for _, class := range c.Classes {
		if class.body > 0 {
			return Report{}, fmt.Errorf("class %s: an open loop sends no bodies", class.Name)
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// The kernel's usual slack of timers is 50 µs.
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return Report{}, err
	}
	l := &openLoop{Config: c, tally: newTally(c), pick: newPicker(c.Classes, 0), step: float64(time.Second) / c.Rate}
	defer l.close()
	if err := l.open(); err != nil {
		return Report{}, err
	}
	l.begin = time.Now().Add(10 * time.Millisecond)
	l.from = l.begin.Add(c.Warmup)
	l.until = l.from.Add(c.Duration)
	if err := l.run(); err != nil {
		return Report{}, err
	}
	return gather(c, []*tally{l.tally}, c.Duration.Seconds()), nil
}

func (l *openLoop) open() (err error) {
	if l.address, err = resolve(l.Addr); err != nil {
		return err
	}
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	l.conns = make([]openConn, l.Conns)
	for i := range l.conns {
		l.conns[i].fd = -1
	}
	for i := range l.conns {
		l.conns[i].buf = make([]byte, 4<<10)
		if err := l.connect(i); err != nil {
			return err
		}
		l.free = append(l.free, i)
	}
	return nil
}

func (l *openLoop) close() {
	for i := range l.conns {
		if fd := l.conns[i].fd; fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	_ = unix.Close(l.epoll)
}

// connect opens connection i, for the first time or again.
func (l *openLoop) connect(i int) error {
	c := &l.conns[i]
	if c.fd >= 0 {
		_ = unix.Close(c.fd)
	}
	var err error
	if c.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	if err := unix.Connect(c.fd, l.address); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	c.have, c.skip, c.asked = 0, 0, false
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff, Fd: int32(i)}
	return errors.Join(
		unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetNonblock(c.fd, true),
		unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, c.fd, &event))
}

func resolve(addr string) (unix.Sockaddr, error) {
	a, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return nil, err
	}
	s := &unix.SockaddrInet4{Port: a.Port}
	copy(s.Addr[:], a.IP.To4())
	return s, nil
}

// run goes on until everything that was due is answered, or nothing comes any
// more.
func (l *openLoop) run() error {
	over := l.until.Add(grace)
	events := make([]unix.EpollEvent, 256)
	for {
		now := time.Now()
		next, more := l.hand(now)
		if err := l.send(); err != nil {
			return err
		}
		if !more && l.pending == 0 && len(l.waiting) == 0 || now.After(over) {
			l.giveUp()
			return nil
		}
		wait := 10 * time.Millisecond
		if more {
			wait = max(time.Until(next), 0)
		}
		n, err := epollWait(l.epoll, events, wait)
		if err != nil {
			return err
		}
		for _, e := range events[:n] {
			if err := l.receive(int(e.Fd)); err != nil {
				return err
			}
		}
	}
}

// hand moves the slots that are due to those that wait for a connection, and
// returns when the next one is.
func (l *openLoop) hand(now time.Time) (next time.Time, more bool) {
	for {
		next = l.begin.Add(time.Duration(float64(l.handed) * l.step))
		if !next.Before(l.until) {
			return next, false
		}
		if next.After(now) {
			return next, true
		}
		class, head := l.pick.pick()
		l.waiting = append(l.waiting, slot{next, class, head})
		l.handed++
	}
}

// send gives waiting slots to free connections.
func (l *openLoop) send() error {
	n := min(len(l.waiting), len(l.free))
	for k := range n {
		i := l.free[k]
		c := &l.conns[i]
		c.slot, c.asked = l.waiting[k], true
		l.pending++
		if l.counted(c.slot) {
			l.lag.Add(time.Since(c.slot.due))
		}
		if sent, err := unix.Write(c.fd, c.slot.head); err != nil || sent < len(c.slot.head) {
			if err := l.lost(i, fmt.Errorf("send: %w", err)); err != nil {
				return err
			}
		}
	}
	l.free = append(l.free[:0], l.free[n:]...)
	l.waiting = append(l.waiting[:0], l.waiting[n:]...)
	return nil
}

// receive reads what has come on connection i.
func (l *openLoop) receive(i int) error {
	c := &l.conns[i]
	for {
		n, err := unix.Read(c.fd, c.buf[c.have:])
		if errors.Is(err, unix.EAGAIN) {
			return nil
		}
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return l.lost(i, fmt.Errorf("receive: %w", err))
		}
		l.bytes += int64(n)
		c.have += n
		done, err := c.parse()
		if err != nil {
			return l.lost(i, err)
		}
		if done {
			return l.answered(i)
		}
	}
}

// parse looks at what is there and reports whether the answer is complete.
func (c *openConn) parse() (bool, error) {
	if c.skip == 0 {
		end := endOfHead(c.buf[:c.have])
		if end < 0 {
			if c.have == len(c.buf) {
				return false, errors.New("the head of an answer is too long")
			}
			return false, nil
		}
		a, err := parseHead(c.buf[:end-2])
		if err == nil && a.chunked {
			err = errors.New("an open loop reads no chunked answers")
		}
		if err != nil {
			return false, err
		}
		c.ans = a
		c.skip = a.length
		c.have -= end
	}
	c.skip -= int64(c.have)
	c.have = 0
	if c.skip < 0 {
		return false, errors.New("more than an answer")
	}
	return c.skip == 0, nil
}

// answered counts the answer on connection i and frees it.
func (l *openLoop) answered(i int) error {
	c := &l.conns[i]
	if !c.asked {
		return l.lost(i, errors.New("an answer to nothing"))
	}
	c.asked = false
	l.pending--
	if l.counted(c.slot) {
		l.classes[c.slot.class].Add(time.Since(c.slot.due))
		if c.ans.status < 200 || c.ans.status > 299 {
			l.bad++
		}
	}
	l.free = append(l.free, i)
	if c.ans.close {
		return l.connect(i)
	}
	return nil
}

// lost counts a connection that has failed, with its request, and opens it
// again.
func (l *openLoop) lost(i int, cause error) error {
	c := &l.conns[i]
	l.fail(cause)
	if c.asked {
		l.pending--
		l.miss(c.slot)
		l.free = append(l.free, i)
	}
	return l.connect(i)
}

// giveUp counts what was not answered in the end.
func (l *openLoop) giveUp() {
	for i := range l.conns {
		if l.conns[i].asked {
			l.miss(l.conns[i].slot)
		}
	}
	for _, s := range l.waiting {
		l.miss(s)
	}
}

func (l *openLoop) counted(s slot) bool { return !s.due.Before(l.from) }

// miss counts a request that never got its answer with the time it has waited.
func (l *openLoop) miss(s slot) {
	if l.counted(s) {
		l.unfinished++
		l.classes[s.class].Add(time.Since(s.due))
	}
}

// epollWait is epoll_pwait2(2): a wait of nanoseconds, where epoll_wait knows
// milliseconds.
func epollWait(epoll int, events []unix.EpollEvent, wait time.Duration) (int, error) {
	limit := unix.NsecToTimespec(int64(wait))
	for {
		n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)),
			uintptr(unsafe.Pointer(&limit)), 0, 0)
		if errno == 0 {
			return int(n), nil
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}
