package secure_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/secure"
)

// heldConn keeps back what is written after the first flight, until it is let
// go, and sends it in one piece then.
type heldConn struct {
	net.Conn
	first sync.Once
	held  []byte
}

func (c *heldConn) Write(p []byte) (n int, err error) {
	now := false
	c.first.Do(func() { now = true })
	if now {
		return c.Conn.Write(p)
	}
	c.held = append(c.held, p...)
	return len(p), nil
}

func (c *heldConn) letGo() error {
	_, err := c.Conn.Write(c.held)
	return err
}

// TestShutdownBesideSilence: a client that has its last answer and says nothing
// more holds up no shutdown, whichever of the two came first.
func TestShutdownBesideSilence(t *testing.T) {
	certFile, keyFile := certificate(t)
	for _, kind := range engine.All() {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprint(kind, " before ", before), func(t *testing.T) {
				ln, err := secure.Listen("127.0.0.1:0", certFile, keyFile)
				require.NoError(t, err)
				answering, goOn := make(chan struct{}), make(chan struct{})
				app := wherry.New().Engine(kind).Logger(slog.New(slog.DiscardHandler)).
					Timeouts(wherry.Timeouts{Linger: time.Hour}).
					Get("/", func(c *wherry.Context) error {
						close(answering)
						<-goOn
						return c.Text(200, "ok")
					})
				served := make(chan error, 1)
				go func() { served <- app.Serve(ln) }()
				client, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{InsecureSkipVerify: true})
				require.NoError(t, err)
				defer client.Close()
				require.NoError(t, client.SetDeadline(time.Now().Add(patience)))
				_, err = io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				require.NoError(t, err)
				<-answering
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				ended := make(chan error, 1)
				end := func() {
					go func() { ended <- app.Shutdown(ctx) }()
					time.Sleep(20 * time.Millisecond)
				}
				if !before {
					end()
				}
				close(goOn)
				_, err = io.ReadAll(client)
				require.NoError(t, err)
				if before {
					time.Sleep(20 * time.Millisecond)
					end()
				}
				require.NoError(t, <-ended)
				require.NoError(t, <-served)
			})
		}
	}
}

// TestShutdownInHandshake: a client that a shutdown meets in the midst of its
// handshake, and whose request comes with the end of that, is answered.
func TestShutdownInHandshake(t *testing.T) {
	certFile, keyFile := certificate(t)
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			ln, err := secure.Listen("127.0.0.1:0", certFile, keyFile)
			require.NoError(t, err)
			app := wherry.New().Engine(kind).Logger(slog.New(slog.DiscardHandler)).
				Get("/", func(c *wherry.Context) error { return c.Text(200, "ok") })
			served := make(chan error, 1)
			go func() { served <- app.Serve(ln) }()
			tcp, err := net.Dial("tcp", ln.Addr().String())
			require.NoError(t, err)
			defer tcp.Close()
			require.NoError(t, tcp.SetDeadline(time.Now().Add(patience)))
			held := &heldConn{Conn: tcp}
			client := tls.Client(held, &tls.Config{InsecureSkipVerify: true})
			require.NoError(t, client.Handshake())
			_, err = io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			require.NoError(t, err)

			ended := make(chan error, 1)
			go func() { ended <- app.Shutdown(context.Background()) }()
			time.Sleep(50 * time.Millisecond) // it looks for idle connections meanwhile
			require.NoError(t, held.letGo())
			res, err := http.ReadResponse(bufio.NewReader(client), nil)
			require.NoError(t, err)
			require.Equal(t, 200, res.StatusCode)
			require.True(t, res.Close)
			require.NoError(t, client.Close())
			require.NoError(t, <-ended)
			require.NoError(t, <-served)
		})
	}
}
