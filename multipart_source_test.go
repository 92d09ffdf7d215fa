package wherry

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// burst is content that comes in bursts. Before each, the reader waits.
type burst struct {
	t      *testing.T
	s      *partSource
	sizes  []int
	left   int   // of the first of sizes
	full   bool  // the last read has filled what it read into
	err    error // behind all
	reads  int
	waited int
}

func (b *burst) Read(p []byte) (int, error) {
	b.reads++
	if b.left == 0 {
		if len(b.sizes) == 0 {
			return 0, b.err
		}
		b.left, b.sizes = b.sizes[0], b.sizes[1:]
		b.waited++
		if !b.full {
			require.Nil(b.t, b.s.large, "nothing large is held by who waits")
		}
	}
	n := min(len(p), b.left)
	for i := range p[:n] {
		p[i] = 'a'
	}
	b.left -= n
	b.full = n == len(p)
	return n, nil
}

// TestPartSourceHoldsNothing: who waits for a peer holds a large piece only if
// the last read has filled all it was given.
func TestPartSourceHoldsNothing(t *testing.T) {
	for _, sizes := range [][]int{
		{1, 10, 4095}, {4096 + 1, 5}, {1 << 20, 1, 1, 1 << 20, 7}, {4096 + largePiece}, {4096 + largePiece, 9}, {4096 + largePiece + 1, 9}, {5000, 5000, 5000},
	} {
		total := 0
		for _, n := range sizes {
			total += n
		}
		b := &burst{t: t, sizes: sizes, err: io.EOF}
		s := &partSource{body: b}
		b.s = s
		var all bytes.Buffer
		p := make([]byte, 4096)
		for err := error(nil); err == nil; {
			var n int
			n, err = s.Read(p)
			all.Write(p[:n])
		}
		require.Equal(t, strings.Repeat("a", total)+"\r\n", all.String())
		require.Equal(t, len(sizes), b.waited)
		require.Nil(t, s.large, "%v", sizes)
		if total > 1<<20 {
			require.Less(t, b.reads, 50, "in large pieces")
		}
	}
}

// TestPartSourceKeepsErrors: a failure comes behind the bytes before it, and
// leaves nothing held.
func TestPartSourceKeepsErrors(t *testing.T) {
	broken := errors.New("broken")
	b := &burst{t: t, sizes: []int{4096 + largePiece}, err: broken}
	s := &partSource{body: b}
	b.s = s
	n, err := io.Copy(io.Discard, struct{ io.Reader }{iotest.OneByteReader(s)})
	require.ErrorIs(t, err, broken)
	require.EqualValues(t, 4096+largePiece, n)
	require.Nil(t, s.large)
}

// TestPartsInLargePieces: a part fills what it is read into as long as that
// waits for nothing, whatever stands at the borders.
func TestPartsInLargePieces(t *testing.T) {
	content := strings.Repeat("0123456789\r\n--abc\r\n-", 50_000)
	f := newForm().file("f", "x", content).value("v", content[:5000])
	_ = f.Close()
	app := New().Post("/", func(c *Context) error {
		parts, err := c.Multipart()
		require.NoError(t, err)
		part, err := parts.Next()
		require.NoError(t, err)
		p := make([]byte, 32<<10)
		var got strings.Builder
		filled := 0
		for err == nil {
			var n int
			n, err = part.Read(p)
			got.Write(p[:n])
			if n > 20<<10 {
				filled++
			}
		}
		require.Equal(t, io.EOF, err)
		require.Equal(t, content, got.String())
		require.Greater(t, filled, 20)
		part, err = parts.Next()
		require.NoError(t, err)
		value, err := part.value()
		require.NoError(t, err)
		require.Equal(t, content[:5000], value)
		_, err = parts.Next()
		require.Equal(t, io.EOF, err)
		require.Nil(t, parts.source.large, "given back at the end of the form")
		_, err = parts.source.Read(p)
		require.Equal(t, errFormCut, err, "and nothing is read from it again")
		return nil
	}, BodyLimit(NoLimit))
	epilogue := strings.Repeat("x", 3*largePiece)
	answers, err := app.Test(request("POST", "/", f.String()+epilogue, f.contentType()))
	require.NoError(t, err)
	require.Equal(t, 200, answers[0].Status)
}

// TestPartsInBytes: a form that comes in small pieces is the same form.
func TestPartsInBytes(t *testing.T) {
	content := strings.Repeat("0123456789\r\n--abc\r\n-", 1000)
	f := newForm().value("a", content).value("b", "").value("c", content)
	_ = f.Close()
	for _, size := range []int{1, 7, 4095, 4096, 4097, 1 << 20} {
		within(t, "/:id", request("POST", "/7", f.String(), f.contentType()), func(c *Context) {
			c.ReplaceBody(func(r io.Reader) io.Reader { return limitedReads{r, size} })
			in, err := Bind[struct {
				A string `form:"a"`
				B string `form:"b"`
				C string `form:"c"`
			}](c)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(content, "", content), fmt.Sprint(in.A, in.B, in.C))
		})
	}
}

// limitedReads reads at most size bytes at once.
type limitedReads struct {
	r    io.Reader
	size int
}

func (l limitedReads) Read(p []byte) (int, error) { return l.r.Read(p[:min(len(p), l.size)]) }
