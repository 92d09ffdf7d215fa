package wherry_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// Content that is passed on over sockets: bursts, clients that leave, writers
// that wait.

// onEach serves an app that build makes on each engine.
func onEach(t *testing.T, build func() *wherry.App, test func(t *testing.T, addr string)) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			addr, stop := serve(t, build().Engine(kind))
			test(t, addr)
			require.NoError(t, stop())
		})
	}
}

// patterned is content that shows where a byte is missing or twice.
func patterned(size int) []byte {
	content := make([]byte, size)
	var x uint32 = 7
	for i := range content {
		x = x*1664525 + 1013904223
		content[i] = byte(x >> 24)
	}
	return content
}

// chunkedBody is content in chunks of a size, with extensions and a trailer.
func chunkedBody(content []byte, size int) []byte {
	var b bytes.Buffer
	for len(content) > 0 {
		n := min(size, len(content))
		fmt.Fprintf(&b, "%x;part=\"%d\"\r\n%s\r\n", n, n, content[:n])
		content = content[n:]
	}
	b.WriteString("0\r\nX-Sum: 42\r\n\r\n")
	return b.Bytes()
}

// TestCopyOnEngines: over sockets, in bursts and drops, with the next request
// right behind.
func TestCopyOnEngines(t *testing.T) {
	content := patterned(1_000_003)
	build := func() *wherry.App {
		app := quiet().Get("/", text("next"))
		return app.Post("/", func(c *wherry.Context) error {
			var all bytes.Buffer
			n, err := io.Copy(onlyWriter{&all}, c.Body())
			if err != nil {
				return err
			}
			if !bytes.Equal(content, all.Bytes()) || n != int64(len(content)) {
				return c.Text(500, "other content")
			}
			return c.Text(200, "same"+c.Trailers().Get("X-Sum"))
		})
	}
	onEach(t, build, func(t *testing.T, addr string) {
		for name, body := range map[string][]byte{
			"counted":      content,
			"small chunks": chunkedBody(content, 3000),
			"large chunks": chunkedBody(content, 200_000),
		} {
			field, sum := fmt.Sprintf("Content-Length: %d", len(body)), "same"
			if name != "counted" {
				field, sum = "Transfer-Encoding: chunked", "same42"
			}
			raw := append([]byte("POST / HTTP/1.1\r\nHost: x\r\n"+field+"\r\n\r\n"), body...)
			for _, burst := range []int{len(raw), 100_000, 5000} {
				conn := dial(t, addr)
				in := bufio.NewReader(conn)
				go func() { _ = sendIn(conn, append(raw[:len(raw):len(raw)], get("/")...), burst) }()
				status, body, err := readWhole(in)
				require.NoError(t, err, "%s in bursts of %d", name, burst)
				require.Equal(t, 200, status, "%s in bursts of %d: %s", name, burst, body)
				require.Equal(t, sum, body)
				_, body, err = readWhole(in)
				require.NoError(t, err, "%s in bursts of %d", name, burst)
				require.Equal(t, "next", body)
				require.NoError(t, conn.Close())
			}
		}
	})
}

// sendIn writes raw with a pause after each burst for the first few of them.
func sendIn(conn net.Conn, raw []byte, burst int) error {
	for i := 0; len(raw) > 0; i++ {
		n := min(burst, len(raw))
		if _, err := conn.Write(raw[:n]); err != nil {
			return err
		}
		raw = raw[n:]
		if i < 5 {
			time.Sleep(2 * time.Millisecond)
		}
	}
	return nil
}

// TestCutCopyOnEngines: a body whose client leaves never looks whole.
func TestCutCopyOnEngines(t *testing.T) {
	var ends chan error
	build := func() *wherry.App {
		ends = make(chan error, 1)
		return quiet().Post("/", func(c *wherry.Context) error {
			_, err := io.Copy(io.Discard, c.Body())
			ends <- err
			return err
		})
	}
	onEach(t, build, func(t *testing.T, addr string) {
		for _, framing := range []string{"Content-Length: 1000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n80000\r\n"} {
			for _, sent := range []int{0, 10, 4 << 10, 200_000} {
				conn := dial(t, addr)
				_, err := conn.Write(append([]byte("POST / HTTP/1.1\r\nHost: x\r\n"+framing), make([]byte, sent)...))
				require.NoError(t, err)
				require.NoError(t, conn.(*net.TCPConn).CloseWrite())
				status, _, err := readWhole(bufio.NewReader(conn))
				require.NoError(t, err)
				require.Equal(t, 400, status)
				err = <-ends
				require.ErrorIs(t, err, wherry.ErrClientGone)
				require.Equal(t, 400, wherry.StatusOf(err))
				require.NoError(t, conn.Close())
			}
		}
	})
}

// TestCopyToSlowWriterOnEngines: a writer that blocks holds back its own
// client and nobody else.
func TestCopyToSlowWriterOnEngines(t *testing.T) {
	const size = 64 << 20 // more than the system's buffers hold
	var out *io.PipeReader
	build := func() *wherry.App {
		var in *io.PipeWriter
		out, in = io.Pipe()
		app := quiet().Get("/", text("next"))
		return app.Post("/", func(c *wherry.Context) error {
			_, err := io.Copy(in, c.Body())
			return errors.Join(err, in.Close())
		}, wherry.BodyLimit(wherry.NoLimit))
	}
	onEach(t, build, func(t *testing.T, addr string) {
		conn := dial(t, addr)
		sent := make(chan error, 1)
		go func() {
			_, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size)
			_, failed := io.Copy(conn, io.LimitReader(zeros{}, size))
			sent <- errors.Join(err, failed)
		}()
		_, err := io.ReadFull(out, make([]byte, 1000))
		require.NoError(t, err)
		for range 8 { // on whichever loop
			other := dial(t, addr)
			_, err = io.WriteString(other, get("/"))
			require.NoError(t, err)
			_, body, err := readWhole(bufio.NewReader(other))
			require.NoError(t, err)
			require.Equal(t, "next", body)
			require.NoError(t, other.Close())
		}
		require.Empty(t, sent, "the client waits")
		n, err := io.Copy(io.Discard, out)
		require.NoError(t, err)
		require.EqualValues(t, size-1000, n)
		require.NoError(t, <-sent)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.Equal(t, 200, answer.StatusCode)
		require.NoError(t, answer.Body.Close())
		require.NoError(t, conn.Close())
	})
}
