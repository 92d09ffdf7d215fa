package wherry

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

// Rules of a session that show neither on the wire nor in a handler, or only
// at a bad moment.

// TestBlocks: an exchange that may have to wait for its peer, or that may take
// the connection, runs where it can; its answers so far go first.
func TestBlocks(t *testing.T) {
	for raw, want := range map[string]engine.Next{
		plainRequest: engine.Park,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi":                             engine.Park,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nh":                              engine.Block,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n":             engine.Block,
		"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: y\r\nConnection: upgrade\r\n\r\n":                engine.Block,
		plainRequest + "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: y\r\nConnection: upgrade\r\n\r\n": engine.Block,
		"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n":                                             engine.Block,
	} {
		conn := newToldConn(raw)
		s := conn.session(t, plainApp().Post("/", nothing))
		require.Equal(t, want, s.Serve(), "%q", raw)
		require.Equal(t, strings.Count(raw, plainRequest), strings.Count(conn.out.String(), "Hello, World!"))
		s.Close(nil)
	}
}

// TestDismissed: at a shutdown a connection that has been idle for a second
// is closed at once, another one after a quarter of a second.
func TestDismissed(t *testing.T) {
	for idle, want := range map[time.Duration]engine.Next{30 * time.Second: engine.Hangup, 1001 * time.Millisecond: engine.Hangup, 900 * time.Millisecond: engine.Park} {
		synctest.Test(t, func(t *testing.T) {
			app := plainApp()
			conn := newToldConn(plainRequest)
			s := conn.session(t, app)
			require.Equal(t, engine.Park, s.Serve())
			time.Sleep(idle)
			app.run.draining.Store(true)
			conn.empty = os.ErrDeadlineExceeded // so an engine wakes its sessions
			require.Equal(t, want, s.Serve(), idle)
			if want == engine.Park {
				require.Equal(t, 250*time.Millisecond, time.Until(conn.readDeadline))
				require.Equal(t, engine.Park, s.Serve(), "it is woken too early")
				time.Sleep(250 * time.Millisecond)
				require.Equal(t, engine.Hangup, s.Serve())
			}
			s.Close(nil)
			require.ErrorIs(t, s.cause, ErrShutdown)
		})
	}
}

// TestDismissedBehindAnswer: a shutdown that begins when the head has left
// finds the connection once it parks.
func TestDismissedBehindAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := plainApp()
		app.AfterResponse(func(*Context, Result) { app.run.draining.Store(true) })
		conn := newToldConn(plainRequest)
		s := conn.session(t, app)
		require.Equal(t, engine.Park, s.Serve())
		require.NotContains(t, conn.out.String(), "Connection: close")
		require.Equal(t, 250*time.Millisecond, time.Until(conn.readDeadline))
		s.Close(nil)
	})
}

// TestDateGoesOn: each answer has the date at which it was made, also on a
// connection that has had others.
func TestDateGoesOn(t *testing.T) {
	date := regexp.MustCompile(`Date: (.*)\r\n`)
	synctest.Test(t, func(t *testing.T) {
		conn := newToldConn()
		s := conn.session(t, plainApp())
		for range 11 {
			conn.in = []string{plainRequest}
			conn.out.Reset()
			require.Equal(t, engine.Park, s.Serve())
			at, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", date.FindStringSubmatch(conn.out.String())[1])
			require.NoError(t, err)
			require.Zero(t, time.Now().Truncate(time.Second).Sub(at))
			time.Sleep(700 * time.Millisecond) // the last time to the very end of a second
		}
		s.Close(nil)
	})
}

// TestLargeBatchIsWritten: the answers to pipelined requests do not pile up.
func TestLargeBatchIsWritten(t *testing.T) {
	app := New().Get("/", func(c *Context) error { return c.Text(200, strings.Repeat("a", 10_000)) })
	conn := newToldConn(strings.Repeat(wireGet, 20))
	s := conn.session(t, app)
	require.Equal(t, engine.Park, s.Serve())
	require.Equal(t, 10, 1<<30-conn.room, "two answers with each write")
	conn.in = []string{wireGet + "GET"}
	require.Equal(t, engine.Park, s.Serve())
	require.Equal(t, outBytes, cap(s.x.out), "a grown buffer is not kept while half a head waits")
	s.Close(nil)
}

// TestContentBehindFullBuffer: content has room although its head fills the
// buffer.
func TestContentBehindFullBuffer(t *testing.T) {
	for _, framing := range []string{"Content-Length: 5", "Transfer-Encoding: chunked"} {
		raw := "POST / HTTP/1.1\r\nHost: x\r\n" + framing + "\r\nX-Pad: \r\n\r\n"
		raw = strings.Replace(raw, "Pad: ", "Pad: "+strings.Repeat("p", readBytes-len(raw)), 1)
		content := map[bool]string{true: "hello", false: "5\r\nhello\r\n0\r\n\r\n"}[framing == "Content-Length: 5"]
		got := ""
		app := New().Post("/", func(c *Context) error {
			p := make([]byte, 3)
			for {
				n, err := c.Body().Read(p)
				got += string(p[:n])
				if err != nil {
					return nil
				}
			}
		})
		conn := newToldConn(raw, content)
		s := conn.session(t, app)
		require.Equal(t, engine.Block, s.Serve())
		require.Equal(t, engine.Park, s.Serve())
		require.Equal(t, "hello", got, framing)
		s.Close(nil)
	}
}

// lateConn brings bytes and the end of its time together.
type lateConn struct{ *toldConn }

func (c lateConn) Read(p []byte) (int, error) {
	n, _ := c.TryRead(p)
	return n, os.ErrDeadlineExceeded
}

// TestContentInTheLastMoment: bytes that came count, whatever came with them,
// however large the pieces are that the handler reads.
func TestContentInTheLastMoment(t *testing.T) {
	for _, size := range []int{100, directRead, 4 * directRead} {
		const length = 3 * directRead
		var content []byte
		var told error
		app := New().Post("/", func(c *Context) error {
			for p := make([]byte, size); told == nil; {
				var n int
				n, told = c.Body().Read(p)
				content = append(content, p[:n]...)
			}
			return nil
		})
		piece := strings.Repeat("a", directRead-1)
		conn := newToldConn("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6144\r\n\r\n", piece, piece, piece, "bcd")
		s := conn.session(t, app)
		s.conn = lateConn{conn}
		require.Equal(t, engine.Block, s.Serve())
		require.Equal(t, engine.Park, s.Serve())
		require.Equal(t, io.EOF, told)
		require.Len(t, content, length)
		s.Close(nil)
	}
}

// fullConn takes nothing without a wait.
type fullConn struct {
	*slowConn
	says error
}

func (c *fullConn) TryWrite([]byte) (int, error) { return 0, c.says }

// TestWriteStallOfPieces: each 64 KiB of an answer that its client takes
// slowly have their own time, and progress begins it anew; a socket that has
// failed is not asked again.
func TestWriteStallOfPieces(t *testing.T) {
	app := New().Get("/", func(c *Context) error { return c.Bytes(200, "a/b", make([]byte, 150<<10)) })
	for name, test := range map[string]struct {
		says   error
		takes  int
		err    error
		pieces []int // without the head
	}{
		"slow":      {engine.ErrWouldBlock, 1 << 20, nil, []int{64 << 10, 64 << 10, 22 << 10}},
		"progress":  {engine.ErrWouldBlock, 60 << 10, os.ErrDeadlineExceeded, []int{64 << 10, 64 << 10, 30 << 10}},
		"standing":  {engine.ErrWouldBlock, 0, os.ErrDeadlineExceeded, nil},
		"has ended": {errReset, 1 << 20, nil, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			conn := &slowConn{toldConn: newToldConn(plainRequest), takes: test.takes, err: test.err}
			conn.shutErr = errReset
			s := conn.session(t, app)
			full := &fullConn{conn, test.says}
			s.conn, s.try = full, full
			_ = s.Serve()
			s.Close(nil)
			switch {
			case name == "has ended":
				require.Empty(t, conn.pieces)
			case name == "standing":
				require.Len(t, conn.pieces, 1, "the head, once")
			default:
				require.Equal(t, test.pieces, conn.pieces[1:], name)
			}
			for _, grace := range conn.grace {
				require.Equal(t, 30*time.Second, grace)
			}
		})
	}
}

// TestPaceIsBounded: however often a route relapses, it can be trusted again.
func TestPaceIsBounded(t *testing.T) {
	p := &pace{}
	p.need.Store(mostNeed)
	p.left.Store(1)
	runs(p, 1, false, func(*Context) error { time.Sleep(2 * shortRun); return nil })
	require.EqualValues(t, mostNeed, p.need.Load())
}

// TestKeptOpenIsOver: the Context has no more part in the answer.
func TestKeptOpenIsOver(t *testing.T) {
	var late []error
	app := New().Get("/", func(c *Context) error {
		if _, err := c.KeepOpen(func() {}); err != nil {
			return err
		}
		_, err := c.WriteString("late")
		late = []error{err, c.Text(200, "late"), c.Flush()}
		return nil
	})
	conn := newToldConn(plainRequest)
	s := conn.session(t, app)
	require.Equal(t, engine.Detach, s.Serve())
	s.Close(nil)
	require.Len(t, late, 3)
	for _, err := range late {
		require.Error(t, err)
	}
	require.NotContains(t, conn.out.String(), "late")
}

// TestLongText: a long string is written in pieces, the next ones only if the
// first has left.
func TestLongText(t *testing.T) {
	text := strings.Repeat("0123456789", 10_000)
	app := New().Get("/", func(c *Context) error { return c.Text(200, text) })
	for room, whole := range map[int]bool{3: true, 1: false} {
		conn := newToldConn("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		conn.room = room
		s := conn.session(t, app)
		require.Equal(t, engine.Park, s.Serve())
		require.Equal(t, whole, len(conn.calls) == 0, "the connection is shut: %q", conn.calls)
		s.Close(nil)
		_, content, _ := strings.Cut(conn.out.String(), "\r\n\r\n")
		require.True(t, strings.HasPrefix(text, content))
		require.Equal(t, whole, content == text)
		require.LessOrEqual(t, conn.room, 0, "as many writes as it takes")
	}
}
