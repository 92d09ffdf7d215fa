package wherry

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

// keptOpen serves the requests on a socket that the test has prepared, and
// returns what the last KeepOpen has said.
func keptOpen(t *testing.T, conn *toldConn, prepare func(c *Context)) (o *OpenAnswer, told error) {
	app := New().Get("/", func(c *Context) error {
		prepare(c)
		o, told = c.KeepOpen(func() {})
		return told
	}).Get("/long", func(c *Context) error { return c.Text(200, strings.Repeat("a", writeBytes-1000)) })
	s := conn.session(t, app)
	_ = s.Serve()
	s.Close(nil)
	return o, told
}

// TestKeepOpenFails: KeepOpen says so when the head or what waits cannot be
// sent, and there is no OpenAnswer then.
func TestKeepOpenFails(t *testing.T) {
	nothing := func(*Context) {}
	for name, test := range map[string]struct {
		raw     string
		prepare func(c *Context)
		room    int
		want    error
	}{
		"no content":         {"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", nothing, 9, errors.ErrUnsupported},
		"204":                {plainRequest, func(c *Context) { c.Status(204) }, 9, errors.ErrUnsupported},
		"encoded":            {plainRequest, encode(&bracketed{}), 9, errors.ErrUnsupported},
		"the socket":         {plainRequest, nothing, 0, errReset},
		"much before it":     {"GET /long HTTP/1.1\r\nHost: x\r\n\r\n" + plainRequest, func(c *Context) { _, _ = c.WriteString(strings.Repeat("b", 5000)) }, 0, errReset},
		"a field with a CR":  {plainRequest, func(c *Context) { c.SetHeader("X", "a\rb") }, 9, nil},
		"a length it breaks": {plainRequest, func(c *Context) { c.SetHeader(HeaderContentLength, "1"); _, _ = c.WriteString("ab") }, 9, nil},
	} {
		t.Run(name, func(t *testing.T) {
			conn := newToldConn(test.raw)
			conn.room = test.room
			o, err := keptOpen(t, conn, test.prepare)
			if name == "a length it breaks" { // the end of the connection is the end of the content
				require.NoError(t, err)
				require.NotNil(t, o)
				require.NotContains(t, conn.out.String(), "Content-Length")
				return
			}
			require.Nil(t, o)
			require.Error(t, err)
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			}
		})
	}
}

// encode has the content of an answer coded.
func encode(b *bracketed) func(*Context) {
	return func(c *Context) { _ = b.around(func(*Context) error { return nil })(c) }
}

// TestKeepOpenAndEncoders: what encodes the content is asked first, and once;
// an answer that nobody encodes is kept open.
func TestKeepOpenAndEncoders(t *testing.T) {
	asked := 0
	leave := func(c *Context) {
		c.EncodeContent(func(c *Context, length int64) func(io.Writer) ContentEncoder {
			asked++
			require.Equal(t, 200, c.StatusCode())
			require.EqualValues(t, -1, length)
			c.SetHeader("X-Asked", "1")
			return nil
		})
	}
	conn := newToldConn(plainRequest)
	o, err := keptOpen(t, conn, func(c *Context) { leave(c); leave(c); _, _ = c.WriteString("begun") })
	require.NoError(t, err)
	require.NoError(t, o.Close())
	require.Equal(t, 2, asked)
	require.Contains(t, conn.out.String(), "X-Asked: 1\r\n")
	require.True(t, strings.HasSuffix(conn.out.String(), "\r\n\r\nbegun"), conn.out.String())

	b := &bracketed{}
	conn = newToldConn(plainRequest)
	app := New().Use(b.around).Get("/", func(c *Context) error {
		_, err := c.KeepOpen(func() {})
		require.ErrorIs(t, err, errors.ErrUnsupported)
		return c.Text(200, "as usual")
	})
	s := conn.session(t, app)
	require.Equal(t, engine.Park, s.Serve())
	s.Close(nil)
	require.Equal(t, 2, b.chosen, "the refusal has changed nothing")
	require.Contains(t, conn.out.String(), "[as usual]")
}

// TestKeepOpenRefusedByEncoder: an error behind the refusal is answered as if
// nobody had asked.
func TestKeepOpenRefusedByEncoder(t *testing.T) {
	for name, test := range map[string]struct {
		h    Handler
		want []string
	}{
		"error":      {func(*Context) error { return NewError(404, "") }, []string{" 404 ", "X-Asked: 1\r\n", "Content-Encoding: brackets\r\n", "[{"}},
		"no content": {func(c *Context) error { return c.NoContent() }, []string{" 204 "}},
	} {
		conn := newToldConn(plainRequest)
		app := New().Use((&bracketed{}).around).Get("/", func(c *Context) error {
			c.EncodeContent(func(c *Context, _ int64) func(io.Writer) ContentEncoder { // nearer, codes nothing
				if !c.ResponseHeaders().Has("X-Asked") {
					c.SetHeader("X-Asked", "1")
				}
				return nil
			})
			_, err := c.KeepOpen(func() {})
			require.ErrorIs(t, err, errors.ErrUnsupported)
			require.Zero(t, c.StatusCode())
			require.Zero(t, c.ResponseHeaders().Len())
			return test.h(c)
		})
		s := conn.session(t, app)
		_ = s.Serve()
		s.Close(nil)
		for _, want := range test.want {
			require.Contains(t, conn.out.String(), want, name)
		}
	}
}

// TestKeepOpenRefusalGoesOn: what KeepOpen refuses is answered as usual, and the
// connection goes on.
func TestKeepOpenRefusalGoesOn(t *testing.T) {
	app := New().Get("/", func(c *Context) error {
		if _, err := c.KeepOpen(func() {}); !errors.Is(err, errors.ErrUnsupported) {
			return errors.New("it is not refused")
		}
		return c.Text(200, "as usual")
	})
	raw := "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
	conn := newToldConn(raw + raw)
	s := conn.session(t, app)
	require.Equal(t, engine.Park, s.Serve())
	require.Equal(t, 2, strings.Count(conn.out.String(), "Content-Length: 8\r\n"))
	s.Close(nil)
}

// slowConn takes some bytes with each Write and says that the time is over.
type slowConn struct {
	*toldConn
	takes  int
	err    error
	pieces []int           // what each Write was given
	grace  []time.Duration // and how long it had
}

func (c *slowConn) Write(p []byte) (int, error) {
	c.pieces = append(c.pieces, len(p))
	c.grace = append(c.grace, time.Until(c.writeDeadline))
	n := min(c.takes, len(p))
	if n < len(p) {
		return n, c.err
	}
	return n, nil
}

// TestOpenAnswerWrite: each 64 KiB has WriteStall of their own, which begins
// anew with progress and without it is the end.
func TestOpenAnswerWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &slowConn{toldConn: newToldConn(), takes: 1 << 20, err: os.ErrDeadlineExceeded}
		o := &OpenAnswer{conn: &hijackedConn{Conn: conn}, stall: 30 * time.Second}
		n, err := o.Write(make([]byte, 150<<10))
		require.NoError(t, err)
		require.Equal(t, 150<<10, n)
		require.Equal(t, []int{64 << 10, 64 << 10, 22 << 10}, conn.pieces)

		conn.takes, conn.pieces, conn.grace = 40<<10, nil, nil
		n, err = o.Write(make([]byte, 64<<10))
		require.NoError(t, err)
		require.Equal(t, 64<<10, n)
		require.Equal(t, []int{64 << 10, 24 << 10}, conn.pieces)
		require.Equal(t, []time.Duration{30 * time.Second, 30 * time.Second}, conn.grace)

		conn.takes = 0
		n, err = o.Write(make([]byte, 10))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Zero(t, n)
		conn.takes, conn.err = 4, errReset
		n, err = o.Write(make([]byte, 10))
		require.ErrorIs(t, err, errReset, "a failure is none of time")
		require.Equal(t, 4, n)
	})
}

// TestOpenAnswerStall: the time of its writes is Timeouts.WriteStall.
func TestOpenAnswerStall(t *testing.T) {
	o, err := keptOpen(t, newToldConn(plainRequest), func(*Context) {})
	require.NoError(t, err)
	require.Equal(t, 30*time.Second, o.stall)
}

// TestOpenAnswerAbort: a reset, not an end in good order.
func TestOpenAnswerAbort(t *testing.T) {
	conn := newToldConn(plainRequest)
	o, err := keptOpen(t, conn, func(*Context) {})
	require.NoError(t, err)
	o.Abort()
	require.Equal(t, "SetLinger Close", strings.Join(conn.calls, " "))
}
