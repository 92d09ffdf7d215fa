package wherry

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Encoders and wires that fail, and encoders that keep all to themselves.

var errEncoder = errors.New("the encoder fails")

// stepEncoder passes content on as it is, when it is flushed or closed, and
// fails where it is asked to.
type stepEncoder struct {
	dst    io.Writer
	kept   []byte
	eager  bool // passes on at once,
	most   int  // of each write this many bytes, 0 for all
	failAt string
	closed *int
}

func (e *stepEncoder) Write(p []byte) (int, error) {
	if e.failAt == "write" {
		return 0, errEncoder
	}
	switch {
	case e.eager && e.most > 0:
		_, err := e.dst.Write(p[:min(e.most, len(p))])
		return len(p), err
	case e.eager:
		return e.dst.Write(p)
	}
	e.kept = append(e.kept, p...)
	return len(p), nil
}

func (e *stepEncoder) Flush() error { return e.pass("flush") }

func (e *stepEncoder) Close() error {
	*e.closed++
	return e.pass("close")
}

func (e *stepEncoder) pass(step string) error {
	if e.failAt == step {
		return errEncoder
	}
	if len(e.kept) == 0 {
		return nil
	}
	_, err := e.dst.Write(e.kept)
	e.kept = nil
	return err
}

// throughEncoder lets h answer through the encoder.
func throughEncoder(e stepEncoder, h Handler) Handler {
	return func(c *Context) error {
		c.EncodeContent(func(*Context, int64) func(io.Writer) ContentEncoder {
			return func(dst io.Writer) ContentEncoder {
				e.dst = dst
				return &e
			}
		})
		return h(c)
	}
}

// TestEncodeContentFailures: whatever fails, the handler or the hooks are told
// of it, no answer looks complete, and the encoder is closed once.
func TestEncodeContentFailures(t *testing.T) {
	small := func(c *Context) error { return c.Text(200, "a") }
	flushed := func(c *Context) error { _, _ = c.WriteString("a"); return c.Flush() }
	large := func(c *Context) error { return c.Bytes(200, "a/b", make([]byte, 100<<10)) }
	ended := func(c *Context) error { _ = flushed(c); _, err := c.WriteString("b"); return err }
	for name, test := range map[string]struct {
		encoder string // where it fails
		wire    string
		h       Handler
		calls   string
		want    error
	}{
		"the encoder, at a write":             {"write", "", flushed, "cut", errEncoder},
		"the encoder, at a flush":             {"flush", "", flushed, "cut", errEncoder},
		"the encoder, at its end":             {"close", "", small, "cut", errEncoder},
		"the encoder, at its end, begun":      {"close", "", ended, "begin 200 -1, send, flush, cut", errEncoder},
		"the wire, at the head":               {"", "begin 200 1", small, "begin 200 1, cut", errWire},
		"the wire, at the head of a stream":   {"", "begin 200 -1", flushed, "begin 200 -1, cut", errWire},
		"the wire, at the head of much":       {"", "begin 200 -1", large, "begin 200 -1, cut", errWire},
		"the wire, at the content":            {"", "send", small, "begin 200 1, send, cut", errWire},
		"the wire, at the content of a flush": {"", "send", flushed, "begin 200 -1, send, cut", errWire},
		"the wire, at a flush":                {"", "flush", flushed, "begin 200 -1, send, flush, cut", errWire},
		"the wire, at the end":                {"", "end", small, "begin 200 1, send, end, cut", errWire},
	} {
		t.Run(name, func(t *testing.T) {
			closed := 0
			e := stepEncoder{failAt: test.encoder, closed: &closed, eager: strings.Contains(name, "much")}
			calls, err := answerOn(t, &recordingWire{failAt: test.wire}, wireGet, throughEncoder(e, test.h))
			require.ErrorIs(t, err, test.want)
			require.Equal(t, test.calls, calls)
			require.Equal(t, 1, closed)
		})
	}
}

// TestEncodeContentHolds: an encoder that has nothing to say at a flush lets
// the head leave, and nothing else; what it says at once in the end has no
// known length any more.
func TestEncodeContentHolds(t *testing.T) {
	closed := 0
	h := func(c *Context) error {
		_ = c.Flush()
		_ = c.Flush()
		_, err := c.WriteString("abc")
		return err
	}
	w := &recordingWire{}
	calls, err := answerOn(t, w, wireGet, throughEncoder(stepEncoder{closed: &closed}, h))
	require.NoError(t, err)
	require.Equal(t, "begin 200 -1, flush, flush, send, end", calls)
	require.Equal(t, "abc", string(w.content))
}

// TestEncodeContentRoom: a whole answer that was held keeps its length although
// the encoder makes it larger; when the head has left a stream is gathered
// like any other.
func TestEncodeContentRoom(t *testing.T) {
	closed := 0
	for n, want := range map[int]string{
		holdBytes:     "begin 200 65536, send, end",
		holdBytes + 1: "begin 200 -1, send, end",
	} {
		calls, err := answerOn(t, &recordingWire{}, wireGet, throughEncoder(stepEncoder{closed: &closed, eager: true},
			func(c *Context) error { return c.Bytes(200, "a/b", make([]byte, n)) }))
		require.NoError(t, err)
		require.Equal(t, want, calls)
	}
	h := func(c *Context) error { return c.Bytes(200, "a/b", make([]byte, holdBytes)) }
	b := &bracketed{tail: strings.Repeat("x", gatherBytes-3)} // with the brackets one byte less than all the room
	w := &recordingWire{}
	calls, err := answerOn(t, w, wireGet, b.around(h))
	require.NoError(t, err)
	require.Equal(t, "begin 200 81919, send, end", calls)
	stream := func(c *Context) error {
		c.SetHeader(HeaderContentLength, "60000")
		_, _ = c.Write(make([]byte, 10))
		_ = c.Flush()
		for range 3 {
			_, _ = c.Write(make([]byte, gatherBytes))
		}
		_, err := c.Write(make([]byte, 60000-10-3*gatherBytes))
		return err
	}
	calls, err = answerOn(t, &recordingWire{}, wireGet, throughEncoder(stepEncoder{closed: &closed, eager: true}, stream))
	require.NoError(t, err)
	require.Equal(t, "begin 200 -1, send, flush, send, send, send, send, end", calls)
}

// TestEncodeContentOfHead: the fields are those of GET, whether content was
// given as text or as bytes; nothing is coded to be thrown away but to learn
// its length, and the encoder has ended.
func TestEncodeContentOfHead(t *testing.T) {
	for name, test := range map[string]struct {
		h      Handler
		want   string
		closed int
	}{
		"text":   {func(c *Context) error { return c.Text(200, "abc") }, "5", 1},
		"bytes":  {func(c *Context) error { return c.Bytes(200, "a/b", []byte("abc")) }, "5", 1},
		"stream": {func(c *Context) error { _, _ = c.WriteString("a"); return c.Flush() }, "", 0},
		"declared, and not given": {func(c *Context) error {
			c.SetHeader(HeaderContentLength, "100")
			_, err := c.WriteString("a")
			return err
		}, "", 0},
	} {
		b := &bracketed{}
		app := codedApp(b, test.h).Logger(slog.New(slog.DiscardHandler))
		answers, err := app.Test("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err, name)
		require.Len(t, answers, 1, name)
		require.Equal(t, test.want, answers[0].Headers.Get(HeaderContentLength), name)
		require.Equal(t, test.closed, b.closed, name)
	}
}

// TestEncodeContentOfHeadFails: an encoder that cannot end gives no length.
func TestEncodeContentOfHeadFails(t *testing.T) {
	closed := 0
	h := throughEncoder(stepEncoder{failAt: "close", closed: &closed}, func(c *Context) error { return c.Text(200, "a") })
	calls, err := answerOn(t, &recordingWire{}, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", h)
	require.ErrorIs(t, err, errEncoder)
	require.Equal(t, "cut", calls)
	require.Equal(t, 1, closed)
}

// TestEncodeContentResult: hooks are told of the content as it was sent, not
// of what was still to be sent when it failed.
func TestEncodeContentResult(t *testing.T) {
	var sent int64
	closed := 0
	app := New().Logger(slog.New(slog.DiscardHandler)).AfterResponse(func(_ *Context, r Result) { sent = r.Bytes })
	app.Get("/", throughEncoder(stepEncoder{eager: true, most: 5, closed: &closed}, func(c *Context) error {
		_, _ = c.Write(make([]byte, gatherBytes)) // five bytes of it wait
		_ = c.Flush()
		_, _ = c.Write(make([]byte, gatherBytes)) // and five more
		return errEncoder
	}))
	_, err := app.Test(wireGet)
	require.Error(t, err)
	require.EqualValues(t, 5, sent)
}

// TestEncodeContentYields: a hook that encodes is not in the way of Blocking.
func TestEncodeContentYields(t *testing.T) {
	w := &pacedWire{}
	p := &pace{manner: mannerBlocking}
	require.NoError(t, p.run(&Context{wire: &encodedWire{wire: w}}, func(*Context) error { return nil }))
	require.Equal(t, 1, w.yields)
}

// TestEncodeContentNot: content that is not coded passes in every form, and
// so does the watch for the client.
func TestEncodeContentNot(t *testing.T) {
	w := &recordingWire{}
	calls, err := answerOn(t, w, wireGet, func(c *Context) error {
		c.EncodeContent(func(*Context, int64) func(io.Writer) ContentEncoder { return nil })
		ctx := c.Context()
		require.NotNil(t, w.gone, "somebody watches")
		require.NoError(t, ctx.Err())
		_, _ = c.WriteString("text")
		_ = c.Flush()
		_, err := c.Write(make([]byte, gatherBytes))
		return err
	})
	require.NoError(t, err)
	require.Equal(t, "begin 200 -1, sendString, flush, send, end", strings.ReplaceAll(calls, "watch, ", ""))
	require.Len(t, w.content, 4+gatherBytes)
}
