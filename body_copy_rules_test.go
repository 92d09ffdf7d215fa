package wherry

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

// What a copy of content holds, and how long it waits.

// copyApp copies content, with Read or with WriteTo.
func copyApp(read bool, n *int64, failure *error) *App {
	return New().Post("/", func(c *Context) error {
		var body = c.Body()
		if read {
			body = struct{ io.Reader }{body}
		}
		*n, *failure = io.Copy(io.Discard, body)
		return *failure
	})
}

// TestCopyStalls: content that stands still, comes too slowly or takes long
// but moves ends as it does for Read, and at the same time.
func TestCopyStalls(t *testing.T) {
	for name, send := range map[string]func(client net.Conn){
		"in the middle": func(client net.Conn) {
			_, _ = io.WriteString(client, postHead+strings.Repeat("a", 50000))
		},
		"after all of a small piece": func(client net.Conn) {
			_, _ = io.WriteString(client, postHead)
			_, _ = client.Write(make([]byte, smallPiece))
		},
		"in a chunk": func(client net.Conn) {
			_, _ = io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n"+strings.Repeat("a", 9000))
		},
		"too slowly": func(client net.Conn) {
			_, _ = io.WriteString(client, postHead)
			for range 200 {
				if _, err := client.Write([]byte("a")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		},
		"long": func(client net.Conn) {
			_, _ = io.WriteString(client, postHead)
			for range 100 {
				_, _ = client.Write(make([]byte, 1000))
				time.Sleep(3 * time.Second)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			took, bytes, text := copyStalled(t, true, send)
			copied, copiedBytes, copiedText := copyStalled(t, false, send)
			require.Equal(t, text, copiedText)
			require.Equal(t, bytes, copiedBytes)
			require.Equal(t, took, copied)
			if name == "long" {
				require.Equal(t, "200", text)
			} else {
				require.Equal(t, "408", text)
			}
		})
	}
}

// copyStalled returns after how long the answer came, what was copied till
// then, and its status.
func copyStalled(t *testing.T, read bool, send func(net.Conn)) (took time.Duration, n int64, status string) {
	synctest.Test(t, func(t *testing.T) {
		var failure error
		client, stop := served(t, copyApp(read, &n, &failure))
		start := time.Now()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			send(client)
		}()
		answer := make([]byte, 12)
		_, err := io.ReadFull(client, answer)
		require.NoError(t, err)
		took, status = since(start), string(answer[9:])
		require.NoError(t, client.Close())
		<-sent
		stop()
	})
	return took, n, status
}

// TestCopyHoldsLittleInAStall: the large piece goes back before the wait for
// more content.
func TestCopyHoldsLittleInAStall(t *testing.T) {
	b := pieces{small: make([]byte, smallPiece)}
	p := b.next(b.small, smallPiece)
	require.Len(t, p, largePiece)
	p = b.next(p, largePiece)
	require.Len(t, p, largePiece)
	require.NotNil(t, b.large)
	p = b.next(p, largePiece-1)
	require.Len(t, p, smallPiece)
	require.Nil(t, b.large)
	p = b.next(p, smallPiece-1)
	require.Len(t, p, smallPiece)
	require.Nil(t, b.large)
}

// TestCopyAfterHijack: the content is not ours to read any more.
func TestCopyAfterHijack(t *testing.T) {
	var failure error
	app := New().Post("/", func(c *Context) error {
		body := c.Body()
		conn, _, err := c.Hijack()
		if err != nil {
			return err
		}
		_, failure = io.Copy(io.Discard, body)
		return conn.Close()
	})
	require.NoError(t, app.Build())
	conn := newToldConn("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
	s := conn.session(t, app)
	for next := s.Serve(); next == engine.Block || next == engine.Park; {
		next = s.Serve()
	}
	s.Close(nil)
	require.ErrorIs(t, failure, ErrHijacked)
}
