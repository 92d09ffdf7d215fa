package wherry_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

func TestHijack(t *testing.T) {
	ended := make(chan error, 1)
	given := make(chan net.Conn, 1)
	app := quiet().Get("/", func(c *wherry.Context) error {
		conn, ahead, err := c.Hijack()
		require.NoError(t, err)
		require.Equal(t, "ahead", string(ahead))
		_, _, err = c.Hijack()
		require.ErrorIs(t, err, wherry.ErrHijacked)
		_, err = c.Write([]byte("x"))
		require.ErrorIs(t, err, wherry.ErrHijacked)
		require.ErrorIs(t, c.Text(200, ""), wherry.ErrHijacked)
		_, err = c.Body().Read(make([]byte, 1))
		require.Error(t, err)
		given <- conn
		return errors.New("is only logged")
	})
	app.OnDisconnect(func(_ *wherry.Conn, cause error) { ended <- cause })
	for _, announced := range []string{"", "Connection: upgrade\r\nUpgrade: x\r\n"} {
		addr, stop := serve(t, app)
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n"+announced+"\r\nahead")
		require.NoError(t, err)
		theirs := <-given
		_, err = io.WriteString(theirs, "hello")
		require.NoError(t, err)
		got := make([]byte, 5)
		_, err = io.ReadFull(conn, got)
		require.NoError(t, err)
		require.Equal(t, "hello", string(got))
		require.NoError(t, theirs.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
		_, err = theirs.Read(got)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, theirs.(interface{ CloseWrite() error }).CloseWrite())
		require.Empty(t, ended)
		require.NoError(t, theirs.Close())
		require.NoError(t, theirs.Close(), "closing twice is closing once")
		require.NoError(t, <-ended)
		require.NoError(t, conn.Close())
		if announced == "" {
			continue
		}
		require.NoError(t, stop())
	}
}

func TestShutdownClosesHijacked(t *testing.T) {
	given := make(chan net.Conn, 1)
	app := quiet().Get("/", func(c *wherry.Context) error {
		conn, _, err := c.Hijack()
		given <- conn
		return err
	})
	addr, _ := serve(t, app)
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
	require.NoError(t, err)
	<-given
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond) // the handler returns meanwhile
	defer cancel()
	require.ErrorContains(t, app.Shutdown(ctx), "1 connections were cut")
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}
