// Package engine accepts connections, says when one is readable, and decides
// on which goroutine its session runs. It knows nothing of what is spoken on
// them: bytes and time only.
//
// # Choosing one
//
// [Threaded] gives each connection a goroutine, which is parked without a
// buffer while the connection is idle; on Linux a socket that stays idle gives
// its goroutine up until something happens. It works on every system and is
// the reference: where two engines differ, it is right. [Auto] takes the best
// one of this system.
//
// # Adding one
//
// An engine is a type with the methods of [Engine] that keeps the contract of
// [Session], and a line in the table of kinds. The contract tests run on
// everything that [All] returns.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Handler makes the sessions of an engine.
type Handler interface {
	// Open is called once for each accepted connection, before its first
	// byte is read, on the goroutine that will run its session or on the
	// accepting one. It must not read, write or block. nil refuses the
	// connection: the engine closes it and calls nothing else. c is
	// [Accepted], or wraps a connection that is.
	Open(c net.Conn) Session
}

// Session is one side of a conversation.
//
// The engine calls Serve any number of times, one call at a time, and then
// Close exactly once, after the last Serve has returned.
type Session interface {
	// Serve is called when a read would not block: bytes have come, the peer
	// has ended its sending, or the read deadline has passed. It is called
	// once more for each parked connection when a shutdown begins, and it
	// may be called for nothing. A session that parks has set a read
	// deadline: an engine may notice by it alone that the peer's end came
	// together with the last bytes.
	Serve() Next
	// Close ends the session; the connection is still open. The cause is nil
	// when Serve has asked for it, else why the engine ends the connection.
	Close(cause error)
}

// Next is what a session wants after a call of Serve.
type Next uint8

const (
	// Park: call Serve again when there is a reason to.
	Park Next = iota
	// Hangup: the conversation is over. Close(nil) is called and the
	// connection closed.
	Hangup
	// Block: call Serve again at once, from where a Read that waits is all
	// right. Before such a call a session must not wait in Read for long.
	Block
	// Again: there may be more to read, but others should have their turn
	// first. Call Serve again then.
	Again
	// Detach: the connection belongs to somebody else now. Close(nil) is
	// called, and the engine neither touches nor closes the connection.
	Detach
)

// NonBlocking is what a connection can do beyond net.Conn where the engine
// knows readiness. A session looks for it once; without it Read and Write
// wait.
type NonBlocking interface {
	// TryRead reads what is there and never waits: ErrWouldBlock when there
	// is nothing, os.ErrDeadlineExceeded when there is nothing and the read
	// deadline has passed or a shutdown has begun.
	TryRead(p []byte) (int, error)
	// TryWrite writes what fits and never waits: less than all of p is no
	// error; ErrWouldBlock when nothing fits.
	TryWrite(p []byte) (int, error)
}

// Yielder is a connection whose sessions share a goroutine: while one runs,
// others wait. A Read or Write that has to wait gives that goroutine away by
// itself, and a session that takes too long loses it.
type Yielder interface {
	// Yield lets others go on, before the session does what takes long. It
	// returns at once and does nothing the second time.
	Yield()
	// Charge names what becomes true at once when the goroutine is taken from
	// the session because that takes long. It is charged with all that the
	// session does until the next call, also in later calls of Serve; nil is
	// nobody.
	Charge(late *atomic.Bool)
}

// Accepted is a connection that knows the listener it came from. Those of
// every engine do.
type Accepted interface {
	// StopListening closes that listener, and no other: its Serve returns
	// nil, and what it has accepted goes on. It may be called in
	// [Handler.Open] and later, from any goroutine, and does nothing the
	// second time.
	StopListening()
}

// Watcher is a connection that can tell when its peer leaves.
type Watcher interface {
	// Watch calls gone, at most once and on a goroutine of the engine, when
	// the peer has ended its sending or has reset the connection, also while
	// bytes wait to be read. stop ends the watch; when it has returned, gone
	// is not running and will not. gone must not block and not call stop.
	Watch(gone func()) (stop func())
}

// File is an open file: an *os.File, or one in what package os wraps around it
// to hide some of its methods.
type File interface {
	io.ReadSeeker
	Stat() (fs.FileInfo, error)
	SyscallConn() (syscall.RawConn, error)
}

// FileSender is a connection to which the system can copy a file itself.
type FileSender interface {
	// SendFile sends n bytes of f from where it stands, and moves it by what
	// was sent. It waits as Write does. When the file or the system cannot
	// do that it returns errors.ErrUnsupported before anything was sent; at
	// the end of the file it returns what was sent and io.ErrUnexpectedEOF.
	SendFile(f File, n int64) (int64, error)
}

// CloseWriter is a connection whose sending side can be shut.
type CloseWriter interface {
	CloseWrite() error
}

// Layered is a listener whose connections are a layer on those of another
// listener, such as TLS. An engine may accept from the other and make the
// layer itself, so that it knows the socket below; a listener's own Accept
// must do the same. A layer with a method HandshakeContext has it called
// before its first byte is read.
type Layered interface {
	net.Listener
	// Under returns the listener below.
	Under() net.Listener
	// Layer makes a connection of one that was accepted. It must not read or
	// write. The layer passes deadlines and Close on, and hands a temporary
	// net.Error of a read through so that the read can be tried again.
	Layer(net.Conn) net.Conn
}

// Engine serves connections.
type Engine interface {
	// Serve accepts the connections of ln, until Shutdown or until one of
	// them is told to StopListening; then it closes ln and returns nil. It may be
	// called for several listeners at once. A listener that fails for good
	// is an error.
	Serve(ln net.Listener) error
	// Shutdown accepts what already waits in the listeners, closes them,
	// calls Serve once for each parked connection, and waits until all
	// sessions have ended. When ctx is done it closes the rest, with the
	// cause ErrForced, and returns how many those were and ctx's error.
	Shutdown(ctx context.Context) (cut int, err error)
	// Conns returns the number of connections with a session.
	Conns() int
}

// Config is what an engine needs to know.
type Config struct {
	// Handler makes the sessions. Required.
	Handler Handler
	// MaxConns is the number of open connections, those that were given away
	// included until they are closed; further ones are closed as they come. 0
	// means unlimited.
	MaxConns int
	// Handshake is the time for a handshake of connections that have one
	// (TLS). 0 means 5 s.
	Handshake time.Duration
	// OnError is told what only an operator can mend, once for an episode:
	// listeners that cannot accept, sessions that panic. nil ignores it. It
	// may be called from several goroutines.
	OnError func(error)
}

// panicked turns what a session panics with into an error, and reports it.
func (cfg *Config) panicked(v any) error {
	err := fmt.Errorf("engine: session panics: %v\n%s", v, debug.Stack())
	cfg.OnError(err)
	return err
}

// guard runs a part of a session; its panic is an error.
func (cfg *Config) guard(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = cfg.panicked(v)
		}
	}()
	f()
	return nil
}

var (
	// ErrWouldBlock is returned by TryRead and TryWrite instead of waiting.
	ErrWouldBlock = errors.New("engine: operation would block")
	// ErrShutdown is the cause of connections that a shutdown has ended.
	ErrShutdown = errors.New("engine: shut down")
	// ErrForced is the cause of connections that were closed because the
	// time for a shutdown was over.
	ErrForced = errors.New("engine: closed by force")
	// ErrUnsupported: an engine of this kind does not work here. The text
	// lists those that do.
	ErrUnsupported = errors.New("engine: not supported on this system")
)

// Kind names an engine, as in a flag or a configuration file.
type Kind string

// The kinds of engines. Not every one works on every system.
const (
	Auto     Kind = "auto"     // the best one of this system
	Threaded Kind = "threaded" // a goroutine for each connection
	Epoll    Kind = "epoll"    // loops, on Linux
	Kqueue   Kind = "kqueue"   // loops, on macOS and the BSDs
	Poll     Kind = "poll"     // loops on poll(2), on Linux, macOS and the BSDs; not a fast one
)

// maker is a line in the table of engines. The table of each system stands in
// a file of its own, the best engine first.
type maker struct {
	kind Kind
	make func(Config) (Engine, error)
}

// All returns the kinds that work on this system, without Auto.
func All() []Kind {
	var all []Kind
	for _, k := range kinds {
		all = append(all, k.kind)
	}
	return all
}

// Best returns the kind that Auto stands for on this system.
func Best() Kind { return kinds[0].kind }

// Supported returns nil when a kind works here, else an error that is
// ErrUnsupported and lists those that do.
func Supported(kind Kind) error {
	if kind == Auto {
		return nil
	}
	var names []string
	for _, k := range kinds {
		if k.kind == kind {
			return nil
		}
		names = append(names, string(k.kind))
	}
	return fmt.Errorf("%w: %q; choose one of auto, %s", ErrUnsupported, string(kind), strings.Join(names, ", "))
}

// New makes an engine.
func New(kind Kind, cfg Config) (Engine, error) {
	if err := Supported(kind); err != nil {
		return nil, err
	}
	if cfg.Handler == nil {
		return nil, errors.New("engine: Config.Handler is nil")
	}
	if cfg.Handshake <= 0 {
		cfg.Handshake = 5 * time.Second
	}
	if cfg.OnError == nil {
		cfg.OnError = func(error) {}
	}
	for _, k := range kinds {
		if k.kind == kind || kind == Auto {
			return k.make(cfg)
		}
	}
	return nil, ErrUnsupported
}
