package wherry

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"github.com/valyala/bytebufferpool"

	"wherry.example/wherry/internal/http1"
)

// bodyReads are the ways to read content. Each tells what it has found.
var bodyReads = map[string]func(c *Context) (string, error){
	"BodyBytes": func(c *Context) (string, error) {
		b, err := c.BodyBytes()
		return string(b), err
	},
	"Body": func(c *Context) (string, error) {
		b, err := io.ReadAll(c.Body())
		return string(b), err
	},
	"WriteTo": func(c *Context) (string, error) {
		var b strings.Builder
		_, err := io.Copy(&b, c.Body())
		return b.String(), err
	},
	"Bind": func(c *Context) (string, error) {
		in, err := Bind[struct {
			Name string `form:"name" json:"name"`
		}](c)
		return in.Name, err
	},
	"Multipart": func(c *Context) (string, error) {
		parts, err := c.Multipart()
		if err != nil {
			return "", err
		}
		part, err := parts.Next()
		if err != nil {
			return "", err
		}
		b, err := io.ReadAll(part)
		return string(b), err
	},
	"ReplaceBody": func(c *Context) (name string, err error) {
		c.ReplaceBody(func(r io.Reader) io.Reader {
			var b []byte
			b, err = io.ReadAll(r)
			name = string(b)
			return strings.NewReader(name)
		})
		return name, err
	},
}

// framings are the same request with a length and in chunks.
func framings(line, content string) []string {
	return []string{
		request("POST", "/7", content, line),
		request("POST", "/7", "", line, "Transfer-Encoding: chunked") + fmt.Sprintf("3\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", content[:3], len(content)-3, content[3:]),
	}
}

// TestBodyAgain: middleware that looks at all content, such as one that checks
// a signature, takes it from nobody, however it is read afterwards.
func TestBodyAgain(t *testing.T) {
	f := newForm().value("name", "ann")
	_ = f.Close()
	for line, content := range map[string]string{asJSON: `{"name":"ann"}`, asForm: "name=ann", f.contentType(): f.String()} {
		for name, read := range bodyReads {
			if name == "Multipart" && line != f.contentType() {
				continue
			}
			want := content
			if name == "Bind" || name == "Multipart" {
				want = "ann"
			}
			for _, raw := range framings(line, content) {
				within(t, "/:id", raw, func(c *Context) {
					first, err := c.BodyBytes()
					require.NoError(t, err)
					sum := sha256.Sum256(first)
					for range 2 {
						got, err := read(c)
						require.NoError(t, err, "%s of %s", name, line)
						require.Equal(t, want, got)
					}
					again, err := c.BodyBytes()
					require.NoError(t, err)
					require.Equal(t, sum, sha256.Sum256(again))
				})
			}
		}
	}
}

// TestBodyGone: who reads content whole after a part of it was read is told
// so. The rest would look like all there was, and the client be blamed.
func TestBodyGone(t *testing.T) {
	f := newForm().value("name", "ann")
	_ = f.Close()
	for _, taken := range []int{1, f.Len()} {
		for name, read := range bodyReads {
			if name == "Body" || name == "WriteTo" || name == "ReplaceBody" {
				continue
			}
			for _, raw := range framings(f.contentType(), f.String()) {
				within(t, "/:id", raw, func(c *Context) {
					_, err := io.ReadFull(c.Body(), make([]byte, taken))
					require.NoError(t, err)
					for range 2 {
						_, err = read(c)
						require.ErrorIs(t, err, errBodyGone, name)
						require.Equal(t, 500, StatusOf(err))
					}
				})
			}
		}
	}
	within(t, "/:id", f.request(), func(c *Context) {
		_, err := bodyReads["Multipart"](c)
		require.NoError(t, err)
		_, err = bodyReads["Multipart"](c)
		require.ErrorIs(t, err, errBodyGone)
	})
}

// TestBodyLooked: a start that was read for its own sake can be put back.
func TestBodyLooked(t *testing.T) {
	within(t, "/:id", request("POST", "/7", `{"name":"ann"}`, asJSON), func(c *Context) {
		start := make([]byte, 3)
		_, err := io.ReadFull(c.Body(), start)
		require.NoError(t, err)
		c.ReplaceBody(func(r io.Reader) io.Reader { return io.MultiReader(strings.NewReader(string(start)), r) })
		in, err := BindStrict[person](c)
		require.NoError(t, err)
		require.Equal(t, "ann", in.Name)
	})
	within(t, "/:id", request("POST", "/7", ""), func(c *Context) {
		_, err := io.ReadAll(c.Body())
		require.NoError(t, err)
		content, err := c.BodyBytes()
		require.NoError(t, err, "of nothing, nothing is gone")
		require.Empty(t, content)
	})
}

// TestKeptReader: it reads as readers do, and not from the next exchange.
func TestKeptReader(t *testing.T) {
	unpoisoned(t)
	var late io.Reader
	app := New().Post("/", func(c *Context) error {
		if late != nil {
			return nil
		}
		_, err := c.BodyBytes()
		require.NoError(t, err)
		late = c.Body()
		n, err := late.Read(nil)
		require.NoError(t, err)
		require.Zero(t, n)
		first := make([]byte, 2)
		_, err = io.ReadFull(late, first)
		require.NoError(t, err)
		require.Equal(t, "he", string(first))
		other, err := io.ReadAll(c.Body())
		require.NoError(t, err)
		require.Equal(t, "llo", string(other), "there is one stream")
		again, err := io.ReadAll(c.Body())
		require.NoError(t, err)
		require.Equal(t, "hello", string(again), "whose end was met")
		return nil
	})
	raw := request("POST", "/", "hello")
	_, err := app.Test(raw + raw)
	require.NoError(t, err)
	_, err = late.Read(make([]byte, 1))
	require.Equal(t, errBodyLate, err)
}

// TestBodyLimitLowered: content that was read before counts, also if all of it
// was.
func TestBodyLimitLowered(t *testing.T) {
	for name, read := range bodyReads {
		if name == "Multipart" {
			continue // is refused for its type
		}
		for _, raw := range framings(asJSON, `{"name":"ann"}`) {
			within(t, "/:id", raw, func(c *Context) {
				_, err := c.BodyBytes()
				require.NoError(t, err)
				c.SetBodyLimit(13)
				_, err = read(c)
				require.Equal(t, 413, StatusOf(err), "%s: %v", name, err)
			})
		}
	}
}

// TestBodyLimitLoweredInAStream: by however much.
func TestBodyLimitLoweredInAStream(t *testing.T) {
	for _, limit := range []int64{1, 3, 4, 5} {
		within(t, "/:id", request("POST", "/7", "0123456789"), func(c *Context) {
			_, err := io.ReadFull(c.Body(), make([]byte, 5))
			require.NoError(t, err)
			c.SetBodyLimit(limit)
			for range 2 {
				n, err := c.Body().Read(make([]byte, 5))
				require.Equal(t, 413, StatusOf(err), "%d: %v", limit, err)
				require.Zero(t, n)
			}
		})
	}
}

// TestBuffersAreGivenUp: what large content needed is not kept by small
// content that comes after it.
func TestBuffersAreGivenUp(t *testing.T) {
	forget := func() { runtime.GC(); runtime.GC() } // a pool forgets what two collections find in it
	forget()
	c := &Context{}
	use := func(size int) (room int) {
		c.body = content{limit: 1 << 40, source: io.LimitReader(noughts{}, int64(size))}
		content, err := c.readAll()
		require.NoError(t, err)
		require.Len(t, content, size)
		room = cap(c.body.whole.B)
		c.body.release()
		return room
	}
	for range 20 {
		use(8 << 20)
		require.LessOrEqual(t, use(100), usualBytes)
	}
	var held []*bytebufferpool.ByteBuffer
	for range 100 {
		b := bytebufferpool.Get()
		require.LessOrEqual(t, cap(b.B), usualBytes)
		held = append(held, b)
	}
	runtime.KeepAlive(held)
	for range 2 {
		runtime.GC()
		use(100)
	}
	require.Nil(t, largeBuffers.Get())
	use(largeBytes + 1)
	require.Nil(t, largeBuffers.Get(), "too large to be used again")
}

// TestLargeBuffersAreUsedAgain: large content after large content costs no new
// buffer. The race detector makes pools forget.
func TestLargeBuffersAreUsedAgain(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes pools forget")
	}
	c := &Context{}
	var last *byte
	again := 0
	for range 20 {
		c.body = content{limit: 1 << 40, source: io.LimitReader(noughts{}, 3<<20)}
		content, err := c.readAll()
		require.NoError(t, err)
		if last == &content[0] {
			again++
		}
		last = &content[0]
		c.body.release()
	}
	require.Greater(t, again, 10, "but for collections in between")
}

// TestDeclaredIsNoRoom: a client that declares much and sends little gets
// little.
func TestDeclaredIsNoRoom(t *testing.T) {
	for _, sent := range []int{1, 100, 5000, 70_000, 300_000} {
		runtime.GC()
		runtime.GC() // so that no pool has a buffer of another size
		c := &Context{}
		cut := errors.New("cut")
		c.body = content{kind: http1.LengthBody, length: 4 << 20, limit: 1 << 40,
			source: io.MultiReader(io.LimitReader(noughts{}, int64(sent)), iotest.ErrReader(cut))}
		_, err := c.readAll()
		require.ErrorIs(t, err, cut)
		require.Len(t, c.body.whole.B, sent)
		require.LessOrEqual(t, cap(c.body.whole.B), max(4*sent, 64<<10))
		c.body.release()
	}
	within(t, "/:id", request("POST", "/7", strings.Repeat("x", 1<<20)), func(c *Context) {
		_, err := c.BodyBytes()
		require.NoError(t, err)
		require.LessOrEqual(t, cap(c.body.whole.B), 1<<20+1, "no more than is declared, unless it was there")
	})
}

// noughts is content without end.
type noughts struct{}

func (noughts) Read(p []byte) (int, error) { return len(p), nil }

// TestBodyInPieces: a handler that asks for the stream before each Read gets
// content that was read whole before from one end to the other, once more when
// it has met the end, and Multipart and Bind get all of it at any time.
func TestBodyInPieces(t *testing.T) {
	_, err := bound(t, func(c *Context) (struct{}, error) {
		_, err := c.BodyBytes()
		require.NoError(t, err)
		for range 2 {
			var got []byte
			for p := make([]byte, 4); ; {
				n, err := c.Body().Read(p)
				got = append(got, p[:n]...)
				if err == io.EOF {
					break
				}
				require.LessOrEqual(t, len(got), 10, "it begins anew")
			}
			require.Equal(t, `{"a":"bc"}`, string(got))
		}
		_, err = c.Body().Read(make([]byte, 4))
		require.NoError(t, err)
		v, err := Bind[map[string]string](c)
		require.NoError(t, err)
		require.Equal(t, "bc", v["a"])
		return struct{}{}, nil
	}, request("POST", "/7", `{"a":"bc"}`, asJSON))
	require.NoError(t, err)
}

// TestBodyLimitLoweredBehindBytes: bytes that were handed out stay what they
// are when the limit is lowered below them.
func TestBodyLimitLoweredBehindBytes(t *testing.T) {
	_, err := bound(t, func(c *Context) (struct{}, error) {
		content, err := c.BodyBytes()
		require.NoError(t, err)
		buffer := c.body.whole
		buffer.B = buffer.B[:len(content):len(content)] // it is full
		c.SetBodyLimit(1)
		_, err = c.BodyBytes()
		require.Equal(t, 413, StatusOf(err))
		require.Same(t, buffer, c.body.whole)
		require.Equal(t, len(content), cap(c.body.whole.B), "it needs no more room")
		return struct{}{}, nil
	}, request("POST", "/7", `{"a":"bc"}`, asJSON))
	require.NoError(t, err)
}

// TestMultipartBehindPieces: a form begins at its beginning, wherever the stream
// of the kept content stands.
func TestMultipartBehindPieces(t *testing.T) {
	_, err := bound(t, func(c *Context) (struct{}, error) {
		_, err := c.BodyBytes()
		require.NoError(t, err)
		_, err = c.Body().Read(make([]byte, 8))
		require.NoError(t, err)
		parts, err := c.Multipart()
		require.NoError(t, err)
		part, err := parts.Next()
		require.NoError(t, err)
		require.Equal(t, "a", part.Name)
		return struct{}{}, nil
	}, newForm().value("a", "b").request())
	require.NoError(t, err)
}
