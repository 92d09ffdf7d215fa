package secure_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

// TestHalfCloseBehindTheAnswer: a client that says goodbye while the last
// answer of the connection is on its way still gets it. The goodbye is input,
// which a closed socket would answer by a reset.
func TestHalfCloseBehindTheAnswer(t *testing.T) {
	content := bytes.Repeat([]byte("x"), 96<<10) // less than a socket takes, more than the client's has room for
	for name, request := range map[string]string{
		"close":    "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"HTTP/1.0": "GET / HTTP/1.0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			answered := make(chan struct{}, 1)
			app := func() *wherry.App {
				return wherry.New().
					Get("/", func(c *wherry.Context) error { return c.Bytes(200, "text/plain", content) }).
					AfterResponse(func(*wherry.Context, wherry.Result) { answered <- struct{}{} })
			}
			onEach(t, app, func(t *testing.T, addr string) {
				tcp, err := net.Dial("tcp", addr)
				require.NoError(t, err)
				defer tcp.Close()
				require.NoError(t, tcp.(*net.TCPConn).SetReadBuffer(32<<10))
				require.NoError(t, tcp.SetDeadline(time.Now().Add(patience)))
				client := tls.Client(tcp, &tls.Config{InsecureSkipVerify: true})
				_, err = io.WriteString(client, request)
				require.NoError(t, err)
				select {
				case <-answered:
				case <-time.After(patience):
					require.Fail(t, "nothing is answered")
				}
				time.Sleep(50 * time.Millisecond) // a server that closes at once has done so
				require.NoError(t, client.CloseWrite())
				got, err := io.ReadAll(client)
				require.NoError(t, err)
				require.True(t, bytes.HasSuffix(got, content), "%d bytes", len(got))
			})
		})
	}
}
