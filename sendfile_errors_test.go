package wherry

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

// openFile returns an open file of n bytes.
func openFile(t *testing.T, n int) *os.File {
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, make([]byte, n), 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// copyingWire is a wire that can send files; n is how much of one it sends at
// most.
type copyingWire struct {
	recordingWire
	n int64
}

func (w *copyingWire) sendFile(_ engine.File, n int64) (int64, error) {
	err := w.call("sendFile " + strconv.FormatInt(n, 10))
	switch {
	case err == nil && w.n < n:
		return w.n, io.ErrUnexpectedEOF
	case w.failAt == "unsupported":
		return 0, errors.ErrUnsupported
	}
	return min(w.n, n), err
}

// answerOnFileWire is answerOn with a wire that can send files.
func answerOnFileWire(t *testing.T, w *copyingWire, raw string, h Handler) (string, error) {
	t.Helper()
	_, err := answerOn(t, &w.recordingWire, raw, func(c *Context) error {
		inner := c.wire
		c.wire = w
		defer func() { c.wire = inner }()
		return h(c)
	})
	return strings.Join(w.calls, ", "), err
}

// TestSendFileRules: when the system copies a file, and what it is asked for;
// in all other cases content goes the usual way and is as long.
func TestSendFileRules(t *testing.T) {
	const size = 100_000
	declare := func(c *Context, n int) { c.SetHeader(HeaderContentLength, strconv.Itoa(n)) }
	from := func(declared int, r func(f *os.File) io.Reader) Handler {
		return func(c *Context) error {
			if declared >= 0 {
				declare(c, declared)
			}
			_, err := c.ReadFrom(r(openFile(t, size)))
			return err
		}
	}
	whole := func(f *os.File) io.Reader { return f }
	part := func(n int64) func(f *os.File) io.Reader {
		return func(f *os.File) io.Reader { return io.LimitReader(f, n) }
	}
	for name, test := range map[string]struct {
		h     Handler
		raw   string
		n     int64 // what the wire can send
		calls string
		want  error
	}{
		"whole":          {h: from(size, whole), n: size, calls: "begin 200 100000, sendFile 100000, end"},
		"a part":         {h: from(20000, part(20000)), n: size, calls: "begin 200 20000, sendFile 20000, end"},
		"a small part":   {h: from(1000, part(1000)), n: size, calls: "begin 200 1000, send, end"},
		"nothing":        {h: from(0, part(0)), n: size, calls: "begin 200 0, end"},
		"no length":      {h: from(-1, whole), calls: "begin 200 -1, send, send, send, send, end"},
		"for HEAD":       {h: from(size, whole), raw: "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", calls: "begin 200 100000, end"},
		"become shorter": {h: from(size, whole), n: 500, calls: "begin 200 100000, sendFile 100000, cut", want: ErrContentLength},
		"more than was declared": {h: func(c *Context) error {
			declare(c, size-1)
			_, err := c.ReadFrom(openFile(t, size))
			return err
		}, n: size, calls: "begin 200 99999, cut", want: ErrContentLength},
		"what waits goes first": {h: func(c *Context) error {
			declare(c, size+1)
			_, _ = c.WriteString("<")
			_, err := c.ReadFrom(openFile(t, size))
			return err
		}, n: size, calls: "begin 200 100001, sendString, sendFile 100000, end"},
		"after the head of a stream": {h: func(c *Context) error {
			_ = c.Flush()
			_, err := c.ReadFrom(openFile(t, 20000))
			return err
		}, n: size, calls: "begin 200 -1, flush, send, end"},
		"after a failure": {h: func(c *Context) error {
			declare(c, 1)
			_ = c.Flush()
			_, _ = c.WriteString("ab")
			_, err := c.ReadFrom(openFile(t, size))
			return err
		}, n: size, calls: "begin 200 1, flush, cut", want: ErrContentLength},
		"no file": {h: func(c *Context) error {
			r, w, err := os.Pipe()
			if err != nil {
				return err
			}
			_, _ = w.Write(make([]byte, 20000))
			_ = w.Close()
			defer r.Close()
			declare(c, 20000)
			_, err = c.ReadFrom(r)
			return err
		}, n: size, calls: "begin 200 20000, send, end"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &copyingWire{n: test.n}
			raw := test.raw
			if raw == "" {
				raw = wireGet
			}
			calls, err := answerOnFileWire(t, w, raw, test.h)
			require.ErrorIs(t, err, test.want)
			require.Equal(t, test.calls, calls)
		})
	}
}

// TestSendFileResult: what the system has copied is counted.
func TestSendFileResult(t *testing.T) {
	for name, test := range map[string]struct {
		failAt string
		calls  string
		want   error
	}{
		"head":        {"begin 200 100000", "begin 200 100000, cut", errWire},
		"what waits":  {"sendString", "begin 200 100000, sendString, cut", errWire},
		"file":        {"sendFile 99999", "begin 200 100000, sendString, sendFile 99999, cut", errWire},
		"unsupported": {"unsupported", "begin 200 100000, sendString, sendFile 99999, send, send, send, send, end", nil},
	} {
		w := &copyingWire{n: 100_000}
		w.failAt = test.failAt
		var again, other error
		calls, err := answerOnFileWire(t, w, wireGet, func(c *Context) error {
			c.SetHeader(HeaderContentLength, "100000")
			_, _ = c.WriteString("<")
			_, err := c.ReadFrom(openFile(t, 99999))
			if err != nil {
				_, again = c.WriteString("")
				_, other = c.ReadFrom(openFile(t, 99999))
			}
			return err
		})
		require.ErrorIs(t, err, test.want, name)
		require.ErrorIs(t, again, test.want, "%s: a wire that has failed is not written to", name)
		require.ErrorIs(t, other, test.want, name)
		require.Equal(t, test.calls, calls, name)
	}
	app := New().Get("/", func(c *Context) error {
		c.SetHeader("X", "a\rb")
		c.SetHeader(HeaderContentLength, "100000")
		_, err := c.ReadFrom(openFile(t, 100_000))
		return err
	})
	conn := &copyingConn{toldConn: newToldConn(plainRequest)}
	s := conn.open(t, app)
	require.Equal(t, engine.Park, s.Serve())
	require.Contains(t, conn.out.String(), "HTTP/1.1 500 ", "a field that cannot be sent is found before the head leaves")
	s.Close(nil)
}

// copyingConn is a socket that copies files as the test tells it.
type copyingConn struct {
	*toldConn
	takes  int64 // with each call
	err    error // what a call says that takes less than it was given
	atOnce int   // from this call on it takes all, 0 never
	pieces []int64
	grace  []time.Duration
}

func (c *copyingConn) SendFile(_ engine.File, n int64) (int64, error) {
	c.pieces = append(c.pieces, n)
	c.grace = append(c.grace, time.Until(c.writeDeadline))
	time.Sleep(time.Second)
	if c.takes < n && (c.atOnce == 0 || len(c.pieces) <= c.atOnce) {
		return c.takes, c.err
	}
	return n, nil
}

func (c *copyingConn) open(t *testing.T, app *App) *session {
	s := c.session(t, app)
	s.conn = c
	return s
}

// TestSendFileAfterMistake: no head leaves for an answer that cannot be.
func TestSendFileAfterMistake(t *testing.T) {
	calls, err := answerOnFileWire(t, &copyingWire{n: 100_000}, wireGet, func(c *Context) error {
		c.SetTrailer(HeaderContentLength, "1")
		c.SetHeader(HeaderContentLength, "100000")
		_, err := c.ReadFrom(openFile(t, 100_000))
		return err
	})
	require.ErrorContains(t, err, "cannot be a trailer field")
	require.Equal(t, "begin 500 46, send, end", calls)
}

// TestSendFileWithoutSystem: a connection that cannot send files is written to.
func TestSendFileWithoutSystem(t *testing.T) {
	app := New().Get("/", func(c *Context) error {
		c.SetHeader(HeaderContentLength, "100000")
		n, err := c.ReadFrom(openFile(t, 100_000))
		require.EqualValues(t, 100_000, n)
		return err
	})
	conn := newToldConn(wireGet)
	s := conn.session(t, app)
	require.Equal(t, engine.Park, s.Serve())
	_, content, _ := strings.Cut(conn.out.String(), "\r\n\r\n")
	require.Len(t, content, 100_000)
	s.Close(nil)
}

// TestSendFileLimit: a limited reader is moved by what was sent.
func TestSendFileLimit(t *testing.T) {
	var limited *io.LimitedReader
	w := &copyingWire{n: 100_000}
	_, err := answerOnFileWire(t, w, wireGet, func(c *Context) error {
		limited = &io.LimitedReader{R: openFile(t, 100_000), N: 60_000}
		c.SetHeader(HeaderContentLength, "60000")
		_, err := c.ReadFrom(limited)
		return err
	})
	require.NoError(t, err)
	require.Zero(t, limited.N)
}

// TestSendFileStall: each MiB of a file has the time that content has, less
// what the client has used up, and no more time without progress.
func TestSendFileStall(t *testing.T) {
	const size = 5 << 19 // 2.5 MiB
	f := openFile(t, size)
	for name, test := range map[string]struct {
		takes  int64
		err    error
		pieces []int64
		grace  []time.Duration // at the least rate of a byte in a second
		want   error
	}{
		"all":         {1 << 30, nil, []int64{1 << 20, 1 << 20, 1 << 19}, []time.Duration{30e9, 30e9, 30e9}, nil},
		"in time":     {1 << 20, os.ErrDeadlineExceeded, []int64{1 << 20, 1 << 20, 1 << 19}, []time.Duration{30e9, 30e9, 30e9}, nil},
		"some":        {700 << 10, os.ErrDeadlineExceeded, []int64{1 << 20, 1 << 20, 1 << 20, 460 << 10}, []time.Duration{30e9, 30e9, 30e9, 30e9}, nil},
		"no progress": {0, os.ErrDeadlineExceeded, []int64{1 << 20}, []time.Duration{30e9}, os.ErrDeadlineExceeded},
		"reset":       {4, errReset, []int64{1 << 20}, []time.Duration{30e9}, errReset},
		"shorter":     {9, io.ErrUnexpectedEOF, []int64{1 << 20}, []time.Duration{30e9}, ErrContentLength},
	} {
		synctest.Test(t, func(t *testing.T) {
			var told error
			app := New().AfterResponse(func(_ *Context, r Result) { told = r.Err })
			app.Get("/", func(c *Context) error {
				_, _ = f.Seek(0, io.SeekStart)
				c.SetHeader(HeaderContentLength, strconv.Itoa(size))
				_, err := c.ReadFrom(f)
				return err
			})
			conn := &copyingConn{toldConn: newToldConn(plainRequest), takes: test.takes, err: test.err}
			s := conn.open(t, app)
			_ = s.Serve()
			s.Close(nil)
			require.ErrorIs(t, told, test.want, name)
			require.Equal(t, test.pieces, conn.pieces, name)
			require.Equal(t, test.grace, conn.grace, name)
		})
	}
	synctest.Test(t, func(t *testing.T) { // far below the least rate
		app := New().Limits(Limits{MinRate: 1 << 30}).Get("/", func(c *Context) error {
			_, _ = f.Seek(0, io.SeekStart)
			c.SetHeader(HeaderContentLength, strconv.Itoa(size))
			_, err := c.ReadFrom(f)
			return err
		})
		conn := &copyingConn{toldConn: newToldConn(plainRequest), takes: 100, err: os.ErrDeadlineExceeded}
		s := conn.open(t, app)
		s.app.timeouts.WriteStall = 4 * time.Second
		conn.atOnce = 5
		_ = s.Serve()
		s.Close(nil)
		for i, want := range []time.Duration{4, 3, 2, 1, 0} {
			require.Equal(t, want*time.Second, conn.grace[i].Round(time.Second), "a second of each wait is used up")
		}
	})
}

// TestSendFileFlushes: what was answered before goes first, and if it cannot
// the file stays where it is.
func TestSendFileFlushes(t *testing.T) {
	f := openFile(t, 100_000)
	var told error
	app := New().Get("/", func(c *Context) error {
		c.SetHeader(HeaderContentLength, "100000")
		_, told = c.ReadFrom(f)
		return told
	})
	conn := &copyingConn{toldConn: newToldConn(plainRequest)}
	conn.room, conn.shutErr = 0, errReset
	s := conn.open(t, app)
	require.Equal(t, engine.Hangup, s.Serve())
	s.Close(nil)
	require.ErrorIs(t, told, errReset)
	require.Empty(t, conn.pieces)
}

// TestCopyOfFile: io.Copy hands the file in a type of package os; what else
// embeds a file is read.
func TestCopyOfFile(t *testing.T) {
	const size = 100_000
	for name, test := range map[string]struct {
		r     func(f *os.File) io.Reader
		calls string
	}{
		"file": {func(f *os.File) io.Reader { return f }, "begin 200 100000, sendFile 100000, end"},
		"file that is decoded": {func(f *os.File) io.Reader { return decodedFile{f} },
			"begin 200 100000, send, send, send, send, end"},
	} {
		w := &copyingWire{n: size}
		calls, err := answerOnFileWire(t, w, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", func(c *Context) error {
			c.SetHeader(HeaderContentLength, strconv.Itoa(size))
			_, err := io.Copy(c, test.r(openFile(t, size)))
			return err
		})
		require.NoError(t, err, name)
		require.Equal(t, test.calls, calls, name)
	}
}

// decodedFile reads something else than stands in its file.
type decodedFile struct{ *os.File }

func (d decodedFile) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, d.withoutWriteTo()) }

func (d decodedFile) withoutWriteTo() io.Reader { return plainDecoded{d.File} }

type plainDecoded struct{ engine.File }

func (d plainDecoded) Read(p []byte) (int, error) {
	n, err := d.File.Read(p)
	for i := range p[:n] {
		p[i] ^= 0x55
	}
	return n, err
}

// TestSendFileAndEncoders: a file is copied by the system through middleware
// that could encode it and does not.
func TestSendFileAndEncoders(t *testing.T) {
	const size = 100_000
	for name, test := range map[string]struct {
		around func(c *Context)
		calls  string
	}{
		"left as it is": {func(c *Context) {
			c.EncodeContent(func(*Context, int64) func(io.Writer) ContentEncoder { return nil })
		}, "begin 200 100000, sendFile 100000, end"},
		"encoded": {encode(&bracketed{}), "begin 200 -1, send, send, send, send, end"},
	} {
		w := &copyingWire{n: size}
		calls, err := answerOnFileWire(t, w, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", func(c *Context) error {
			c.SetHeader(HeaderContentLength, strconv.Itoa(size))
			test.around(c)
			if _, err := io.Copy(c, openFile(t, size)); err != nil {
				return err
			}
			return c.finish()
		})
		require.NoError(t, err, name)
		require.Equal(t, test.calls, calls, name)
	}
}
