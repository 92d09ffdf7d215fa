package wherry_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

// posted returns a request with a body, counted or in these chunks.
func posted(fields, content string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s", fields, len(content), content)
}

func chunkedPost(fields string, chunks ...string) string {
	raw := "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + fields + "\r\n"
	for _, c := range chunks {
		raw += fmt.Sprintf("%x\r\n%s\r\n", len(c), c)
	}
	return raw + "0\r\n\r\n"
}

// TestBodyIsAStream: it pulls, in pieces of any size, and stays at its end.
func TestBodyIsAStream(t *testing.T) {
	content := strings.Repeat("0123456789", 2000)
	for name, raw := range map[string]string{"counted": posted("", content), "chunked": chunkedPost("", content[:7], content[7:5000], content[5000:])} {
		for _, size := range []int{1, 7, 512, 2048, 4096, 100000} {
			app := quiet().Post("/", func(c *wherry.Context) error {
				require.Same(t, c.Body(), c.Body())
				n, err := c.Body().Read(nil)
				require.NoError(t, err)
				require.Zero(t, n)
				var got []byte
				p := make([]byte, size)
				for err == nil {
					n, err = c.Body().Read(p)
					got = append(got, p[:n]...)
				}
				require.Equal(t, io.EOF, err)
				require.Equal(t, content, string(got))
				_, err = c.Body().Read(p)
				require.Equal(t, io.EOF, err)
				return nil
			})
			answers, err := app.Test(raw + raw)
			require.NoError(t, err)
			require.Len(t, answers, 2, "%s in pieces of %d: the next request is found", name, size)
		}
	}
}

// TestBodyLengths: what ContentLength tells, and that BodyBytes has it all.
func TestBodyLengths(t *testing.T) {
	app := quiet()
	h := func(c *wherry.Context) error {
		all, err := c.BodyBytes()
		return errors.Join(err, c.Text(200, fmt.Sprintf("%d %s", c.ContentLength(), all)))
	}
	app.Post("/", h).Get("/", h)
	for raw, want := range map[string]string{
		posted("", "hello"): "5 hello", posted("", ""): "0 ", get("/"): "0 ",
		chunkedPost("", "hel", "lo"): "-1 hello", chunkedPost(""): "-1 ",
	} {
		require.Equal(t, want, string(ask(t, app, raw).Body), raw)
	}
}

// TestRequestTrailers: empty until the body has been read, then there, apart
// from the header fields.
func TestRequestTrailers(t *testing.T) {
	app := quiet().Post("/", func(c *wherry.Context) error {
		require.Zero(t, c.Trailers().Len())
		require.False(t, c.Trailers().Has("X-Sum"))
		body, err := c.BodyBytes()
		if err != nil {
			return err
		}
		f := c.Trailers()
		require.False(t, c.Headers().Has("X-Sum"))
		var all []string
		for name, value := range f.All() {
			all = append(all, name+"="+value)
			if len(all) == 2 {
				break
			}
		}
		return c.Text(200, fmt.Sprintf("%s %d %s %q %v %s %v", body, f.Len(), f.Get("x-sum"), f.Bytes("none"), f.Has("X-SUM"), strings.Join(all, ","), f.Values("X-A")))
	})
	raw := strings.TrimSuffix(chunkedPost("", "abc"), "\r\n") + "X-Sum: 42\r\nX-A: 1\r\nX-A: 2\r\n\r\n"
	require.Equal(t, `abc 3 42 "" true X-Sum=42,X-A=1 [1 2]`, string(ask(t, app, raw).Body))
	require.Equal(t, `abc 0  "" false  []`, string(ask(t, app, posted("", "abc")).Body))
}

// TestBodyErrorsStay: a reader that was told of a failure is told again, and
// no part of a broken body looks like its end.
func TestBodyErrorsStay(t *testing.T) {
	for name, test := range map[string]struct {
		raw    string
		status int
	}{
		"short":           {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345", 400},
		"no last chunk":   {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n", 400},
		"inside a chunk":  {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n12345", 400},
		"bad size":        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\nzz\r\n", 400},
		"too large":       {posted("", strings.Repeat("a", 101)), 413},
		"too large later": {chunkedPost("", strings.Repeat("a", 100), "b"), 413},
	} {
		app := quiet().Limits(wherry.Limits{Body: 100}).Post("/", func(c *wherry.Context) error {
			_, err := io.Copy(io.Discard, c.Body())
			require.Error(t, err)
			require.Equal(t, test.status, wherry.StatusOf(err), name)
			_, again := c.Body().Read(make([]byte, 1))
			require.Equal(t, err, again)
			_, again = c.BodyBytes()
			require.Equal(t, err, again)
			require.Zero(t, c.Trailers().Len())
			return err
		}, wherry.BodyLimit(wherry.NoLimit))
		app.BeforeRouting(func(c *wherry.Context) error { c.SetBodyLimit(100); return nil })
		answers, err := app.Test(test.raw)
		require.NoError(t, err)
		require.Len(t, answers, 1, name)
		require.Equal(t, test.status, answers[0].Status, name)
		if test.status == 400 {
			require.Equal(t, "close", answers[0].Headers.Get("Connection"))
		}
	}
}

// TestBodyFailsAfterHead: a failure that comes when the head has left cuts
// the answer.
func TestBodyFailsAfterHead(t *testing.T) {
	app := quiet().Post("/", func(c *wherry.Context) error {
		_, _ = c.WriteString("begun")
		if err := c.Flush(); err != nil {
			return err
		}
		_, err := c.BodyBytes()
		return err
	})
	out, err := wherry.Wire(app, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"+get("/"))
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(out, "\r\n\r\n5\r\nbegun\r\n"), "no last chunk: %q", out)
}

// TestExpectContinue: 100 is sent by the first Read, once, and not at all
// when nobody reads.
func TestExpectContinue(t *testing.T) {
	app := quiet()
	app.Post("/", func(c *wherry.Context) error {
		switch c.Header("X-Do") {
		case "read":
			_, err := c.BodyBytes()
			return err
		case "flush":
			_ = c.Flush()
			_, err := c.BodyBytes()
			return err
		}
		return c.Text(200, "unread")
	})
	const expect = "Expect: 100-Continue\r\n"
	out, err := wherry.Wire(app, posted(expect+"X-Do: read\r\n", "hello"))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(out, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), out)
	out, _ = wherry.Wire(app, posted(expect, "hello")+get("/"))
	require.True(t, strings.HasPrefix(out, "HTTP/1.1 200 OK\r\n"), out)
	require.Contains(t, out, "Connection: close\r\n")
	require.Equal(t, 1, strings.Count(out, "HTTP/1.1"), "what follows may be the body: %s", out)
	out, _ = wherry.Wire(app, posted(expect+"X-Do: flush\r\n", "hello"))
	require.NotContains(t, out, "100 Continue", "never after the final head")
	out, _ = wherry.Wire(app, posted(expect, ""))
	require.NotContains(t, out, "100 Continue")
	require.NotContains(t, out, "Connection: close", "there is no body to wait for")
	out, _ = wherry.Wire(app, strings.Replace(posted(expect+"X-Do: read\r\n", "hello"), "HTTP/1.1", "HTTP/1.0", 1))
	require.True(t, strings.HasPrefix(out, "HTTP/1.1 200 OK\r\n"), out)
	out, _ = wherry.Wire(app, posted("Expect: tea\r\n", "hello"))
	require.True(t, strings.HasPrefix(out, "HTTP/1.1 417 "), out)
}

// TestEchoBothWays: a handler reads and writes at the same time, in step with
// its client, in every framing.
func TestEchoBothWays(t *testing.T) {
	app := quiet().Post("/", func(c *wherry.Context) error {
		if err := c.Flush(); err != nil {
			return err
		}
		p := make([]byte, 100)
		for {
			n, err := c.Body().Read(p)
			if _, failed := c.Write(bytes.ToUpper(p[:n])); failed != nil {
				return failed
			}
			if failed := c.Flush(); failed != nil {
				return failed
			}
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
	addr, stop := serve(t, app)
	for name, chunked := range map[string]bool{"counted": false, "chunked": true} {
		conn := dial(t, addr)
		framing := "Content-Length: 9\r\n"
		if chunked {
			framing = "Transfer-Encoding: chunked\r\n"
		}
		_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+framing+"\r\n")
		require.NoError(t, err)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		for _, word := range []string{"one", "two", "six"} {
			send := word
			if chunked {
				send = "3\r\n" + word + "\r\n"
			}
			_, err = io.WriteString(conn, send)
			require.NoError(t, err)
			got := make([]byte, 3)
			_, err = io.ReadFull(answer.Body, got)
			require.NoError(t, err, name)
			require.Equal(t, strings.ToUpper(word), string(got))
		}
		if chunked {
			_, err = io.WriteString(conn, "0\r\n\r\n")
			require.NoError(t, err)
		}
		rest, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.Empty(t, rest)
		require.NoError(t, conn.Close())
	}
	require.NoError(t, stop())
}

// TestLargeUpload: far more than any buffer, over a socket, in both framings.
func TestLargeUpload(t *testing.T) {
	app := quiet().Post("/", func(c *wherry.Context) error {
		n, err := io.Copy(io.Discard, c.Body())
		return errors.Join(err, c.Text(200, fmt.Sprint(n)))
	}, wherry.BodyLimit(wherry.NoLimit))
	addr, stop := serve(t, app)
	client := http.Client{Transport: &http.Transport{}}
	const size = 20 << 20
	for _, body := range []io.Reader{bytes.NewReader(make([]byte, size)), io.LimitReader(zeros{}, size)} {
		answer, err := client.Post("http://"+addr, "a/b", body)
		require.NoError(t, err)
		content, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, fmt.Sprint(size), string(content))
	}
	client.CloseIdleConnections()
	require.NoError(t, stop())
}

// TestTooLargeIsReadable: a client that sends all it has before it reads
// still gets the refusal, not a reset.
func TestTooLargeIsReadable(t *testing.T) {
	app := quiet().Post("/", readAll, wherry.BodyLimit(1000))
	addr, stop := serve(t, app)
	for range 20 {
		conn := dial(t, addr)
		_, err := io.WriteString(conn, posted("", strings.Repeat("a", 1<<20)))
		require.NoError(t, err)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.Equal(t, 413, answer.StatusCode)
		require.NoError(t, conn.Close())
	}
	require.NoError(t, stop())
}

// TestReplaceBody: what decodes reads the content as it came, everybody else
// what it makes of it, and the limit holds for both.
func TestReplaceBody(t *testing.T) {
	double := func(raw io.Reader) io.Reader {
		var twice bytes.Buffer
		return io.MultiReader(io.TeeReader(raw, &twice), &twice)
	}
	app := quiet()
	app.Post("/", func(c *wherry.Context) error {
		c.ReplaceBody(double)
		require.Equal(t, int64(-1), c.ContentLength())
		body, err := c.BodyBytes()
		if err != nil {
			return err
		}
		return c.Text(200, string(body))
	}, wherry.BodyLimit(8))
	ask := func(content string) *wherry.TestResponse {
		answers, err := app.Test(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(content), content))
		require.NoError(t, err)
		return answers[0]
	}
	require.Equal(t, "abcdabcd", string(ask("abcd").Body))
	require.Equal(t, 413, ask("abcde").Status, "what was decoded is too long")
	require.Equal(t, 413, ask("123456789").Status, "what was sent is too long")
}
