package wherry_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

// Passing content on with io.Copy is reading it, in pieces of another size:
// what holds for Read holds for WriteTo.

// onlyReader and onlyWriter hide what else a reader or a writer can do.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

// passed is what became of one body.
type passed struct {
	content          string
	err, again       string
	status           int
	n                int64
	trailers         []string
	answers          []int // statuses, of this request and of those behind it
	interim          int
	connection, last string // the Connection field and the content of the last answer
}

// passOn gives raw to an app that copies the content of a POST, with WriteTo
// or with Read.
func passOn(tb testing.TB, raw string, limit int64, read bool) (p passed) {
	app := quiet().Get("/", text("next"))
	app.Post("/", func(c *wherry.Context) error {
		var all bytes.Buffer
		var body io.Reader = c.Body()
		if read {
			body = onlyReader{body}
		}
		var err error
		p.n, err = io.Copy(onlyWriter{&all}, body)
		_, again := io.Copy(io.Discard, body)
		p.content, p.err, p.again, p.status = all.String(), fmt.Sprint(err), fmt.Sprint(again), wherry.StatusOf(err)
		for name, value := range c.Trailers().All() {
			p.trailers = append(p.trailers, name+"="+value)
		}
		return err
	}, wherry.BodyLimit(limit))
	answers, err := app.Test(raw)
	require.NoError(tb, err)
	for _, a := range answers {
		p.answers = append(p.answers, a.Status)
		p.interim += len(a.Interim)
		p.connection, p.last = a.Headers.Get("Connection"), string(a.Body)
	}
	return p
}

// TestCopyIsRead: the same bytes, errors, limits, trailers and next requests,
// however the content is passed on.
func TestCopyIsRead(t *testing.T) {
	chunked := "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, test := range map[string]struct {
		raw   string
		limit int64
		want  passed // some of it
	}{
		"empty":              {raw: posted("", ""), limit: 9},
		"short":              {raw: posted("", "hello"), limit: 9, want: passed{content: "hello"}},
		"as long as allowed": {raw: posted("", "hello"), limit: 5, want: passed{content: "hello"}},
		"chunks":             {raw: chunkedPost("", "hel", "lo"), limit: 5, want: passed{content: "hello"}},
		"extensions and trailers": {raw: chunked + "3;a=b;c=\"d;e\"\r\nhel\r\n2 \r\n", limit: 9,
			want: passed{content: "hel", status: 400}},
		"trailers":          {raw: chunked + "3;a=\"b\\\"\"\r\nhel\r\n2;c\r\nlo\r\n0;d=e\r\nX-Sum: 42\r\nX-B: 1\r\n\r\n", limit: 9, want: passed{content: "hello", trailers: []string{"X-Sum=42", "X-B=1"}}},
		"chunks too large":  {raw: chunkedPost("", "hello", " world"), limit: 7, want: passed{content: "hello w", status: 413}},
		"cut":               {raw: "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nhello", limit: 99, want: passed{status: 400}},
		"cut in a chunk":    {raw: chunked + "9\r\nhello", limit: 99, want: passed{content: "hello", status: 400}},
		"cut in a size":     {raw: chunked + "5\r\nhello\r\n1", limit: 99, want: passed{content: "hello", status: 400}},
		"no size":           {raw: chunked + "5\r\nhello\r\nzz\r\n", limit: 99, want: passed{content: "hello", status: 400}},
		"asks to go on":     {raw: posted("Expect: 100-continue\r\n", "hello"), limit: 99, want: passed{content: "hello", interim: 1}},
		"bad trailer":       {raw: chunked + "5\r\nhello\r\n0\r\nbad\r\n\r\n", limit: 99, want: passed{content: "hello", status: 400}},
		"chunk without end": {raw: chunked + "5\r\nhello0\r\n\r\n", limit: 99, want: passed{content: "hello", status: 400}},
	} {
		t.Run(name, func(t *testing.T) {
			raw := test.raw + get("/")
			if strings.HasPrefix(name, "cut") {
				raw = test.raw
			}
			want, got := passOn(t, raw, test.limit, true), passOn(t, raw, test.limit, false)
			require.Equal(t, want, got)
			if test.want.status == 0 {
				require.Equal(t, "<nil>", got.err)
				require.Equal(t, []int{200, 200}, got.answers, "the next request is found")
			} else {
				require.Equal(t, test.want.status, got.status)
			}
			require.Equal(t, test.want.trailers, got.trailers)
			require.Equal(t, test.want.interim, got.interim)
			if !strings.HasPrefix(test.raw, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99") {
				require.Equal(t, test.want.content, got.content)
			}
		})
	}
}

// TestCopySizes: around the sizes of pieces, in both framings.
func TestCopySizes(t *testing.T) {
	for _, size := range []int{2, 4095, 4096, 4097, 8192, 132 << 10, 132<<10 - 1, 132<<10 + 1, 400001} {
		content := strings.Repeat("0123456789abcdefghijklmnopqrstuvwxy", size/35+1)[:size]
		for framing, raw := range map[string]string{
			"counted": posted("", content),
			"chunked": chunkedPost("", content[:size/3+1], content[size/3+1:]),
		} {
			want, got := passOn(t, raw+get("/"), 1<<20, true), passOn(t, raw+get("/"), 1<<20, false)
			require.Equal(t, want, got, "%d %s", size, framing)
			require.Equal(t, content, got.content, "%d %s", size, framing)
			require.Equal(t, []int{200, 200}, got.answers, "%d %s", size, framing)
			require.Equal(t, 413, passOn(t, raw, int64(size)-1, false).answers[0], "%d %s", size, framing)
		}
	}
}

// FuzzCopyIsRead holds WriteTo and Read equal on bodies of any kind.
func FuzzCopyIsRead(f *testing.F) {
	f.Add("hello", 5, 9)
	f.Add("hello", 9, 9)
	f.Add("hello", 5, 3)
	f.Add("5\r\nhello\r\n0\r\n\r\n", -1, 9)
	f.Add("5;a=\"b\"\r\nhello\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n", -1, 9)
	f.Add("5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n", -1, 7)
	f.Add(strings.Repeat("a", 10000), 10000, 1<<20)
	f.Add("fa0\r\n"+strings.Repeat("a", 4000)+"\r\n1388\r\n"+strings.Repeat("b", 5000)+"\r\n0\r\n\r\n", -1, 1<<20)
	f.Fuzz(func(t *testing.T, body string, length, limit int) {
		head := "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		if length >= 0 {
			head = fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", length)
		}
		raw := head + body + get("/")
		limit = max(limit, 0) + 1
		require.Equal(t, passOn(t, raw, int64(limit), true), passOn(t, raw, int64(limit), false))
	})
}

// recorder is content whose reader notes how it is read: each Read fills what
// it is given, except that the steps say otherwise.
type recorder struct {
	steps []int // what Reads bring, the rest brings all it can
	left  int
	sizes []int
}

func (r *recorder) Read(p []byte) (int, error) {
	r.sizes = append(r.sizes, len(p))
	n := min(len(p), r.left)
	if len(r.steps) > 0 {
		n, r.steps = min(n, r.steps[0]), r.steps[1:]
	}
	r.left -= n
	if r.left == 0 {
		return n, io.EOF
	}
	return n, nil
}

// copyFrom lets a handler copy from a recorder in place of its content.
func copyFrom(t *testing.T, r *recorder, w io.Writer) (n int64, err error) {
	app := quiet().Post("/", func(c *wherry.Context) error {
		c.ReplaceBody(func(io.Reader) io.Reader { return r })
		n, err = io.Copy(w, c.Body())
		return nil
	}, wherry.BodyLimit(wherry.NoLimit))
	ask(t, app, posted("", ""))
	return n, err
}

// TestCopyPieces: large reads while they bring much, and small ones where the
// content stands still, so that a client that stalls holds little.
func TestCopyPieces(t *testing.T) {
	r := &recorder{left: 20_000_000}
	n, err := copyFrom(t, r, io.Discard)
	require.NoError(t, err)
	require.EqualValues(t, 20_000_000, n)
	require.Less(t, len(r.sizes), 160, "calls of the system for 20 MB")

	const small, large = 4 << 10, 128 << 10
	r = &recorder{left: 1 << 20, steps: []int{small, large, 100, 1, small - 1, small, large - 1, small, large, large, 0, 7}}
	_, err = copyFrom(t, r, onlyWriter{io.Discard})
	require.NoError(t, err)
	require.Equal(t, []int{small, large, large, small, small, small, large, small, large, large, large, small, small}, r.sizes[:13])
}

// TestCopyIntoOwnMemory: a writer that reads by itself does so, once, and may
// fall back to what io.Copy does.
func TestCopyIntoOwnMemory(t *testing.T) {
	r := &recorder{left: 1 << 20}
	var b bytes.Buffer
	b.Grow(2 << 20)
	n, err := copyFrom(t, r, &b)
	require.NoError(t, err)
	require.EqualValues(t, 1<<20, n)
	require.Equal(t, 1<<20, b.Len())
	require.Less(t, len(r.sizes), 3, "it was read in one piece")

	r = &recorder{left: 1 << 20}
	w := &returning{}
	n, err = copyFrom(t, r, w)
	require.NoError(t, err)
	require.EqualValues(t, 1<<20, n)
	require.Equal(t, 1<<20, w.Len())
	require.Less(t, len(r.sizes), 12, "in large pieces")
}

// returning asks for WriteTo when it is asked to read.
type returning struct{ bytes.Buffer }

func (w *returning) ReadFrom(r io.Reader) (int64, error) {
	return r.(io.WriterTo).WriteTo(w)
}

// failing is a writer that goes wrong at its third piece.
type failing struct {
	calls int
	n     func(p []byte) int
	err   error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.calls++; f.calls == 3 {
		return f.n(p), f.err
	}
	return len(p), nil
}

// TestCopyToFailingWriter: what goes wrong with the writer ends the copy at
// once, and is told as io.Copy tells it.
func TestCopyToFailingWriter(t *testing.T) {
	full := errors.New("full")
	const before = 4<<10 + 128<<10
	for name, test := range map[string]struct {
		n    func(p []byte) int
		err  error
		want string
		sum  int64
	}{
		"an error":        {func([]byte) int { return 0 }, full, "full", before},
		"error and bytes": {func([]byte) int { return 10 }, full, "full", before + 10},
		"too little":      {func([]byte) int { return 10 }, nil, "short write", before + 10},
		"too much":        {func(p []byte) int { return len(p) + 1 }, nil, "than it was given", before},
		"less than none":  {func([]byte) int { return -1 }, nil, "than it was given", before},
		"neither":         {func([]byte) int { return -1 }, full, "full", before},
	} {
		t.Run(name, func(t *testing.T) {
			w := &failing{n: test.n, err: test.err}
			r := &recorder{left: 1 << 20}
			n, err := copyFrom(t, r, w)
			require.ErrorContains(t, err, test.want)
			require.Equal(t, test.sum, n)
			require.Equal(t, 3, w.calls)
			require.Len(t, r.sizes, 3, "nothing is read after it")
		})
	}
}

// TestCopyOutlivesNothing: after the handler a body only fails, and so it does
// once the connection was given away.
func TestCopyOutlivesNothing(t *testing.T) {
	var kept io.Reader
	app := quiet().Post("/", func(c *wherry.Context) error {
		kept = c.Body()
		return nil
	})
	ask(t, app, posted("", "hello"))
	n, err := kept.(io.WriterTo).WriteTo(io.Discard)
	require.Zero(t, n)
	require.ErrorContains(t, err, "after its handler returned")
	_, err = kept.(io.WriterTo).WriteTo(&bytes.Buffer{})
	require.ErrorContains(t, err, "after its handler returned")
}
