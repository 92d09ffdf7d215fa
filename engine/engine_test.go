package engine

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The contract of engine.go, on every engine of this system. The sessions here
// speak a protocol of lines: each names what the session does next.

// patience bounds what must happen. It is no measure of how fast it happens: a
// machine that is slow must not fail a test.
const patience = 30 * time.Second

// children are what the test binary does when a test runs it again.
var children = map[string]func() int{}

func TestMain(m *testing.M) {
	if child := children[os.Getenv("ENGINE_TEST_CHILD")]; child != nil {
		os.Exit(child())
	}
	before := runtime.NumGoroutine()
	code := m.Run()
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); code == 0 && n > before {
		buf := make([]byte, 1<<20)
		fmt.Printf("%d goroutines are left of %d:\n%s\n", n, before, buf[:runtime.Stack(buf, true)])
		code = 1
	}
	os.Exit(code)
}

// host opens line sessions and counts what the engine does with them.
type host struct {
	refuse   atomic.Bool
	stop     atomic.Bool
	deadline time.Duration // of the first read; an hour if it is 0

	opened, closed atomic.Int64
	waiting        atomic.Int64           // sessions that have begun to wait for their peer, or for goOn
	goOn           chan struct{}          // what "hold" waits for
	broken         atomic.Pointer[string] // a breach of the contract

	mu     sync.Mutex // guards the following
	causes []error
	given  chan net.Conn // connections that sessions gave away
}

func (h *host) Open(c net.Conn) Session {
	if h.refuse.Load() {
		if h.stop.Load() {
			c.(Accepted).StopListening()
		}
		return nil
	}
	h.opened.Add(1)
	s := &lineSession{h: h, conn: c}
	s.try, _ = c.(NonBlocking)
	limit := h.deadline
	if limit == 0 {
		limit = time.Hour
	}
	_ = c.SetReadDeadline(time.Now().Add(limit))
	return s
}

func (h *host) breach(text string) { h.broken.CompareAndSwap(nil, &text) }

func (h *host) closedWith() []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]error(nil), h.causes...)
}

// lineSession reads lines and does what they say.
type lineSession struct {
	h       *host
	conn    net.Conn
	try     NonBlocking
	buf     []byte
	busy    atomic.Bool
	over    bool
	blocked string // the line that asked for Block
}

func (s *lineSession) Serve() Next {
	if s.busy.Swap(true) {
		s.h.breach("Serve is called twice at a time")
	}
	defer s.busy.Store(false)
	if s.over {
		s.h.breach("Serve is called after Close")
	}
	if s.blocked != "" {
		line := s.blocked
		s.blocked = ""
		return s.do(line)
	}
	chunk := make([]byte, 512)
	var n int
	var err error
	if s.try != nil {
		n, err = s.try.TryRead(chunk)
	} else {
		n, err = s.conn.Read(chunk)
	}
	s.buf = append(s.buf, chunk[:n]...)
	switch {
	case errors.Is(err, ErrWouldBlock):
		return Park
	case errors.Is(err, os.ErrDeadlineExceeded) || err != nil && n == 0:
		return Hangup
	}
	for {
		line, rest, found := bytes.Cut(s.buf, []byte("\n"))
		if !found {
			return Park
		}
		s.buf = rest
		if next := s.do(string(line)); next != Park {
			return next
		}
	}
}

func (s *lineSession) do(line string) Next {
	verb, arg, _ := strings.Cut(line, " ")
	switch verb {
	case "echo":
		s.write(arg + "\n")
	case "bye":
		s.write("bye\n")
		return Hangup
	case "panic":
		panic("asked for")
	case "block": // read a line from where waiting is all right
		s.blocked = "read"
		return Block
	case "read":
		one := make([]byte, 1)
		got, rest, found := bytes.Cut(s.buf, []byte("\n"))
		s.buf = rest
		if found {
			got = append(bytes.Clone(got), '\n')
		}
		s.h.waiting.Add(1)
		for !bytes.HasSuffix(got, []byte("\n")) {
			if _, err := s.conn.Read(one); err != nil {
				return Hangup
			}
			got = append(got, one...)
		}
		s.write("read " + string(got))
	case "exit":
		runtime.Goexit()
	case "again":
		s.blocked = "echo " + arg
		return Again
	case "sleep":
		d, _ := time.ParseDuration(arg)
		time.Sleep(d)
		s.write("slept\n")
	case "hold":
		s.h.waiting.Add(1)
		<-s.h.goOn
		s.write("held\n")
	case "watch":
		return s.watch()
	case "flood":
		limit, _ := time.ParseDuration(arg)
		s.h.waiting.Add(1)
		_ = s.conn.SetWriteDeadline(time.Now().Add(limit))
		big := make([]byte, 1<<20)
		for range 64 {
			if _, err := s.conn.Write(big); err != nil {
				s.h.mu.Lock()
				s.h.causes = append(s.h.causes, err)
				s.h.mu.Unlock()
				return Hangup
			}
		}
	case "give":
		s.h.given <- s.conn
		return Detach
	case "use": // read on here, without having asked for Block
		_ = s.conn.SetReadDeadline(time.Now().Add(patience))
		return s.do("read")
	}
	return Park
}

func (s *lineSession) watch() Next {
	gone := make(chan struct{})
	stop := s.conn.(Watcher).Watch(func() { close(gone) })
	s.write("watching\n")
	select {
	case <-gone:
		s.h.given <- nil
	case <-time.After(patience):
		s.h.breach("nobody told that the peer has left")
	}
	stop()
	return Park
}

func (s *lineSession) write(text string) {
	if s.try != nil {
		n, err := s.try.TryWrite([]byte(text))
		if err == nil && n == len(text) {
			return
		}
		text = text[n:]
	}
	_, _ = io.WriteString(s.conn, text)
}

func (s *lineSession) Close(cause error) {
	if s.busy.Load() {
		s.h.breach("Close is called while Serve runs")
	}
	if s.over {
		s.h.breach("Close is called twice")
	}
	s.over = true
	s.h.mu.Lock()
	s.h.causes = append(s.h.causes, cause)
	s.h.mu.Unlock()
	s.h.closed.Add(1)
}

// bench is an engine with a listener, and clients for it.
type bench struct {
	t      *testing.T
	e      Engine
	h      *host
	dial   func() (net.Conn, error)
	served chan error
	errs   chan error
}

// onEach runs a test on every engine, over TCP, over a unix socket, and over
// pipes, where it has no descriptors.
func onEach(t *testing.T, test func(t *testing.T, b *bench)) {
	for _, kind := range All() {
		for _, network := range []string{"tcp", "unix", "pipe"} {
			t.Run(string(kind)+"/"+network, func(t *testing.T) {
				b := newBench(t, kind, network, &host{given: make(chan net.Conn, 1), goOn: make(chan struct{})}, Config{})
				test(t, b)
				b.shutdown()
				require.Nil(t, b.h.broken.Load(), "contract")
				require.Equal(t, b.h.opened.Load(), b.h.closed.Load(), "every session is closed once")
				require.Zero(t, b.e.Conns())
			})
		}
	}
}

func newBench(t *testing.T, kind Kind, network string, h *host, cfg Config) *bench {
	b := &bench{t: t, h: h, served: make(chan error, 1), errs: make(chan error, 100)}
	cfg.Handler = h
	cfg.OnError = func(err error) { b.errs <- err }
	var err error
	b.e, err = New(kind, cfg)
	require.NoError(t, err)
	var ln net.Listener
	switch network {
	case "pipe":
		p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		ln, b.dial = p, p.dial
	case "unix":
		dir, err := os.MkdirTemp("", "engine")
		require.NoError(t, err)
		t.Cleanup(func() { os.RemoveAll(dir) })
		ln, err = net.Listen("unix", dir+"/s")
		if err != nil {
			t.Skip("no unix sockets here: ", err)
		}
		b.dial = func() (net.Conn, error) { return net.Dial("unix", dir+"/s") }
	default:
		ln, err = net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		b.dial = func() (net.Conn, error) { return net.Dial("tcp", ln.Addr().String()) }
	}
	go func() { b.served <- b.e.Serve(ln) }()
	return b
}

func (b *bench) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cut, err := b.e.Shutdown(ctx)
	require.NoError(b.t, err)
	require.Zero(b.t, cut)
	require.NoError(b.t, <-b.served)
}

// client is one connection to the bench.
type client struct {
	net.Conn
	t *testing.T
}

func (b *bench) client() *client {
	conn, err := b.dial()
	require.NoError(b.t, err)
	_ = conn.SetDeadline(time.Now().Add(patience))
	b.t.Cleanup(func() { conn.Close() })
	return &client{conn, b.t}
}

func (c *client) say(text string) {
	_, err := io.WriteString(c, text)
	require.NoError(c.t, err)
}

func (c *client) hear(want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	_, err := io.ReadFull(c, got)
	require.NoError(c.t, err)
	require.Equal(c.t, want, string(got))
}

func (c *client) hearEnd() {
	c.t.Helper()
	rest, err := io.ReadAll(c)
	require.NoError(c.t, err)
	require.Empty(c.t, rest)
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	require.Eventually(t, f, patience, 2*time.Millisecond, what)
}

type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) dial() (net.Conn, error) {
	a, b := net.Pipe()
	select {
	case p.conns <- b:
		return a, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func TestServe(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		c := b.client()
		c.say("echo one\n")
		c.hear("one\n")
		go c.say("echo two\necho three\n")
		c.hear("two\nthree\n")
		for _, b := range []byte("echo drip\n") {
			c.say(string(b))
		}
		c.hear("drip\n")
		c.say("bye\n")
		c.hear("bye\n")
		c.hearEnd()
		eventually(t, "closed", func() bool { return b.h.closed.Load() == 1 })
		require.Equal(t, []error{nil}, b.h.closedWith())
	})
}

func TestClientLeaves(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		c := b.client()
		c.say("echo one\n")
		c.hear("one\n")
		require.NoError(t, c.Close())
		eventually(t, "the session ends", func() bool { return b.h.closed.Load() == 1 })
	})
}

func TestHalfClose(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		c := b.client()
		half, ok := c.Conn.(CloseWriter)
		if !ok {
			return
		}
		c.say("echo one\n") // with the end right behind it
		require.NoError(t, half.CloseWrite())
		c.hear("one\n")
		c.hearEnd()
	})
}

func TestReset(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		c := b.client()
		c.say("echo one\n")
		c.hear("one\n")
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			require.NoError(t, tcp.SetLinger(0))
		}
		require.NoError(t, c.Close())
		eventually(t, "the session ends", func() bool { return b.h.closed.Load() == 1 })
	})
}

func TestRefuse(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.h.refuse.Store(true)
		c := b.client()
		c.hearEnd()
		require.Zero(t, b.h.opened.Load())
	})
}

func TestStopAccepting(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		one := b.client()
		one.say("echo one\n")
		one.hear("one\n")
		b.h.stop.Store(true)
		b.h.refuse.Store(true)
		two := b.client()
		two.hearEnd()
		require.NoError(t, <-b.served)
		b.served <- nil
		one.say("echo still\n")
		one.hear("still\n")
	})
}

func TestPanic(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		c := b.client()
		c.say("panic\n")
		c.hearEnd()
		require.ErrorContains(t, <-b.errs, "asked for")
		other := b.client()
		other.say("echo on\n")
		other.hear("on\n")
		require.ErrorContains(t, b.h.closedWith()[0], "asked for")
	})
}

func TestBlock(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		c := b.client()
		c.say("block\n")
		time.Sleep(5 * time.Millisecond)
		c.say("later\n")
		c.hear("read later\n")
		c.say("echo on\n")
		c.hear("on\n")
	})
}

// TestAgain: a session that makes way for others is called again unasked.
func TestAgain(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		c := b.client()
		c.say("again one\n")
		c.hear("one\n")
	})
}

// TestGoexit: a session that ends its goroutine ends its connection, and
// nothing else.
func TestGoexit(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		other := b.client()
		other.say("echo one\n")
		other.hear("one\n")
		for range 3 {
			c := b.client()
			c.say("exit\n")
			c.hearEnd()
		}
		c := b.client()
		c.say("sleep 5ms\nexit\n") // the loop is lost before
		c.hear("slept\n")
		c.hearEnd()
		other.say("echo two\n")
		other.hear("two\n")
	})
}

func TestDetach(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		c := b.client()
		c.say("give\n")
		theirs := <-b.h.given
		eventually(t, "the session is closed", func() bool { return b.h.closed.Load() == 1 })
		eventually(t, "the engine has let go", func() bool { return b.e.Conns() == 0 })
		go c.say("hello")
		got := make([]byte, 5)
		_, err := io.ReadFull(theirs, got)
		require.NoError(t, err)
		require.Equal(t, "hello", string(got))
		go func() { _, _ = io.WriteString(theirs, "world") }()
		c.hear("world")
		require.NoError(t, theirs.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		_, err = theirs.Read(got)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, theirs.Close())
		c.hearEnd()
	})
}

// TestDetachEarly uses a connection elsewhere while Serve still runs.
func TestDetachEarly(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		begun, done := make(chan struct{}), make(chan error, 1)
		go func() {
			theirs := <-b.h.given
			close(begun)
			got := make([]byte, 5)
			_, err := io.ReadFull(theirs, got)
			done <- errors.Join(err, theirs.Close())
		}()
		c := b.client()
		c.say("give\nhello")
		<-begun // what is said from now on is for the new owner
		select {
		case <-done: // the bytes ahead stay with the session; the read meets the end or the rest
		case <-time.After(20 * time.Millisecond):
			c.say("world")
			<-done
		}
		c.hearEnd()
	})
}

func TestReadWithoutBlock(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		c := b.client()
		c.say("use\n")
		time.Sleep(5 * time.Millisecond)
		c.say("later\n")
		c.hear("read later\n")
		c.say("echo on\n")
		c.hear("on\n")
	})
}

func TestWatch(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		c := b.client()
		c.say("watch\n")
		c.hear("watching\n")
		require.NoError(t, c.Close())
		select {
		case <-b.h.given:
		case <-time.After(patience):
			t.Fatal("nobody told")
		}
	})
}

func TestWatchWithUnreadBytes(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		c := b.client()
		if _, ok := c.Conn.(CloseWriter); !ok {
			return // a pipe cannot be watched once a byte of it was read ahead
		}
		c.say("watch\n")
		c.hear("watching\n")
		c.say("echo never read\n")
		require.NoError(t, c.Close())
		select {
		case <-b.h.given:
		case <-time.After(patience):
			t.Fatal("nobody told")
		}
	})
}

func TestSlowReader(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		c := b.client()
		c.say("flood 300ms\n")
		eventually(t, "the write gives up", func() bool { return b.h.closed.Load() == 1 })
		require.ErrorIs(t, b.h.closedWith()[0], os.ErrDeadlineExceeded)
	})
}

func TestReadDeadline(t *testing.T) {
	for _, kind := range All() {
		for _, network := range []string{"tcp", "unix", "pipe"} {
			t.Run(string(kind)+"/"+network, func(t *testing.T) {
				h := &host{deadline: 50 * time.Millisecond}
				b := newBench(t, kind, network, h, Config{})
				b.client().hearEnd()
				b.shutdown()
				require.Nil(t, h.broken.Load())
			})
		}
	}
}

func TestMaxConns(t *testing.T) {
	for _, kind := range All() {
		b := newBench(t, kind, "tcp", &host{}, Config{MaxConns: 2})
		one, two := b.client(), b.client()
		one.say("echo one\n")
		one.hear("one\n")
		two.say("echo two\n")
		two.hear("two\n")
		b.client().hearEnd()
		require.NoError(t, one.Close())
		eventually(t, "room", func() bool { return b.e.Conns() == 1 })
		three := b.client()
		three.say("echo three\n")
		three.hear("three\n")
		b.shutdown()
	}
}

func TestShutdown(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		never, idle, busy, blocked := b.client(), b.client(), b.client(), b.client()
		idle.say("echo one\n")
		idle.hear("one\n")
		busy.say("hold\n")
		blocked.say("block\n")
		eventually(t, "all are open", func() bool { return b.h.opened.Load() == 4 && b.h.waiting.Load() == 2 })
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.shutdown()
			b.served <- nil
		}()
		never.hearEnd()
		idle.hearEnd()
		close(b.h.goOn)
		busy.hear("held\n")
		busy.hearEnd()
		blocked.say("late\n")
		blocked.hear("read late\n")
		blocked.hearEnd()
		<-done
		_, err := b.dial()
		if _, isPipe := blocked.Conn.(interface{ CloseWrite() error }); isPipe {
			require.Error(t, err)
		}
	})
}

func TestShutdownForces(t *testing.T) {
	for _, kind := range All() {
		for _, network := range []string{"tcp", "unix", "pipe"} {
			t.Run(string(kind)+"/"+network, func(t *testing.T) {
				b := newBench(t, kind, network, &host{}, Config{})
				c := b.client()
				c.say("block\n")
				eventually(t, "it waits for its peer", func() bool { return b.h.waiting.Load() == 1 })
				ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
				defer cancel()
				cut, err := b.e.Shutdown(ctx)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, 1, cut)
				require.NoError(t, <-b.served)
				eventually(t, "the session ends", func() bool { return b.h.closed.Load() == 1 })
				require.ErrorIs(t, b.h.closedWith()[0], ErrForced)
			})
		}
	}
}

func TestKinds(t *testing.T) {
	require.NoError(t, Supported(Auto))
	require.NoError(t, Supported(Threaded))
	err := Supported("steam")
	require.ErrorIs(t, err, ErrUnsupported)
	require.ErrorContains(t, err, "threaded")
	_, err = New("steam", Config{Handler: &host{}})
	require.ErrorIs(t, err, ErrUnsupported)
	_, err = New(Auto, Config{})
	require.Error(t, err)
	_, err = New(Auto, Config{Handler: &host{}})
	require.NoError(t, err)
	require.Contains(t, All(), Threaded)
}

func TestServeAfterShutdown(t *testing.T) {
	for _, kind := range All() {
		e, err := New(kind, Config{Handler: &host{}})
		require.NoError(t, err)
		_, err = e.Shutdown(context.Background())
		require.NoError(t, err)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, e.Serve(ln))
		_, err = net.Dial("tcp", ln.Addr().String())
		require.Error(t, err)
	}
}

func TestListenerFails(t *testing.T) {
	for _, kind := range All() {
		e, err := New(kind, Config{Handler: &host{}})
		require.NoError(t, err)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, ln.Close())
		require.ErrorIs(t, e.Serve(ln), net.ErrClosed)
	}
}

// TestOwnerClosesListener: a listener that is closed behind the engine's back
// ends Serve, and is not listened on.
func TestOwnerClosesListener(t *testing.T) {
	for _, kind := range All() {
		e, err := New(kind, Config{Handler: &host{}})
		require.NoError(t, err)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		served := make(chan error, 1)
		go func() { served <- e.Serve(ln) }()
		conn, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(t, err)
		defer conn.Close()
		eventually(t, "it is accepted", func() bool { return e.Conns() == 1 })
		require.NoError(t, ln.Close())
		select {
		case err := <-served:
			require.ErrorIs(t, err, net.ErrClosed)
		case <-time.After(patience):
			t.Fatal("Serve goes on")
		}
		_, err = net.Dial("tcp", ln.Addr().String())
		require.Error(t, err)
		_, err = e.Shutdown(context.Background())
		require.NoError(t, err)
	}
}

// TestHandshakes runs a session over TLS, and one whose handshake never
// comes.
func TestHandshakes(t *testing.T) {
	certificate := testCertificate(t)
	for _, kind := range All() {
		config := &tls.Config{Certificates: []tls.Certificate{certificate}}
		for name, layer := range map[string]func(net.Listener) net.Listener{
			"tls":     func(tcp net.Listener) net.Listener { return tls.NewListener(tcp, config) },
			"layered": func(tcp net.Listener) net.Listener { return layeredListener{tcp, config} },
		} {
			t.Run(string(kind)+"/"+name, func(t *testing.T) {
				t.Parallel() // they wait
				tcp, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				testHandshakes(t, kind, tcp.Addr().String(), layer(tcp))
			})
		}
	}
}

// layeredListener is TLS whose socket an engine may drive itself.
type layeredListener struct {
	net.Listener
	config *tls.Config
}

func (l layeredListener) Under() net.Listener          { return l.Listener }
func (l layeredListener) Layer(conn net.Conn) net.Conn { return tls.Server(conn, l.config) }
func (l layeredListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.Layer(conn), nil
}

func testHandshakes(t *testing.T, kind Kind, addr string, ln net.Listener) {
	const limit = 3 * time.Second
	h := &host{}
	e, err := New(kind, Config{Handler: h, Handshake: limit})
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- e.Serve(ln) }()
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, err)
	c := &client{conn, t}
	c.say("echo one\n")
	c.hear("one\n")
	c.say("echo two\necho three\nblock\n")
	c.hear("two\nthree\n")
	c.say("later\n")
	c.hear("read later\n")
	silent, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	_ = silent.SetDeadline(time.Now().Add(patience))
	_, err = io.ReadAll(silent)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	eventually(t, "it is closed", func() bool { return h.closed.Load() == 1 })
	require.ErrorContains(t, h.closedWith()[0], "handshake")
	c.say("bye\n") // the deadline of the handshake is none of the session
	c.hear("bye\n")
	c.hearEnd()
	eventually(t, "both are closed", func() bool { return h.closed.Load() == 2 })
	require.NoError(t, h.closedWith()[1])
	_, err = e.Shutdown(context.Background())
	require.NoError(t, err)
	require.NoError(t, <-served)
	require.NoError(t, errors.Join(conn.Close(), silent.Close()))
}

// TestStress mixes everything on many connections.
func TestStress(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		var clients sync.WaitGroup
		for i := range 100 {
			clients.Add(1)
			go func() {
				defer clients.Done()
				conn, err := b.dial()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(2 * patience))
				for j := range 20 {
					text := fmt.Sprintf("%d-%d", i, j)
					want := text + "\n"
					switch (i + j) % 4 {
					case 0:
						want = "read " + want
						_, err = io.WriteString(conn, "block\n")
						text += "\n"
					case 1:
						_, err = io.WriteString(conn, "sleep 1ms\n")
						want = "slept\n" + want
						text = "echo " + text + "\n"
					default:
						text = "echo " + text + "\n"
					}
					go func() { _, _ = io.WriteString(conn, text) }()
					got := make([]byte, len(want))
					if _, failed := io.ReadFull(conn, got); failed != nil || err != nil || string(got) != want {
						t.Errorf("want %q, got %q: %v", want, got, errors.Join(err, failed))
						return
					}
				}
			}()
		}
		clients.Wait()
	})
}

// TestNobodyWaitsForOthers: while one session stands still, waits for its peer
// or for room, all others are served.
func TestNobodyWaitsForOthers(t *testing.T) {
	for _, verb := range []string{"hold\n", "block\n", "flood 1h\n"} {
		onEach(t, func(t *testing.T, b *bench) {
			others := make([]*client, 8)
			for i := range others {
				others[i] = b.client()
				others[i].say("echo one\n")
				others[i].hear("one\n")
			}
			held := b.client()
			held.say(verb)
			eventually(t, "it holds on", func() bool { return b.h.waiting.Load() == 1 })
			for _, c := range others {
				c.say("echo two\n")
				c.hear("two\n")
			}
			require.Zero(t, b.h.closed.Load(), "%q goes on", verb)
			close(b.h.goOn)
			_ = held.Close()
		})
	}
}
