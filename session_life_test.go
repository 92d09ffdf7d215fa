package wherry_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/secure"
)

func certificateForTLS(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// patience bounds what must happen. It is no measure of how fast it happens: a
// machine that is slow must not fail a test.
const patience = 30 * time.Second

// overPlainAndTLS serves an app on each engine, plain and over TLS. A test that
// waits most of its time may have all of them wait at once, with t.Parallel.
func overPlainAndTLS(t *testing.T, build func() *wherry.App, test func(t *testing.T, dial func() net.Conn)) {
	cert := certificateForTLS(t)
	for _, kind := range engine.All() {
		for _, layer := range []string{"tcp", "tls"} {
			t.Run(string(kind)+"/"+layer, func(t *testing.T) {
				tcp, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				var ln net.Listener = tcp
				if layer == "tls" {
					ln, err = secure.NewListener(tcp, &tls.Config{Certificates: []tls.Certificate{cert}})
					require.NoError(t, err)
				}
				app := build().Engine(kind)
				served := make(chan error, 1)
				go func() { served <- app.Serve(ln) }()
				test(t, func() net.Conn {
					conn, err := net.Dial("tcp", tcp.Addr().String())
					require.NoError(t, err)
					t.Cleanup(func() { conn.Close() })
					if layer == "tls" {
						c := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, DynamicRecordSizingDisabled: true})
						require.NoError(t, c.Handshake())
						return c
					}
					return conn
				})
				ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
				defer cancel()
				_ = app.Shutdown(ctx)
				<-served
			})
		}
	}
}

func readWhole(r *bufio.Reader) (int, string, error) {
	a, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0, "", err
	}
	b, err := io.ReadAll(a.Body)
	return a.StatusCode, string(b), err
}

func lifeApp() *wherry.App {
	app := quiet().Get("/", text("hello"))
	app.Post("/bytes", func(c *wherry.Context) error {
		p := make([]byte, 3000)
		_, err := io.ReadFull(c.Body(), p)
		if err != nil {
			return err
		}
		return c.Text(200, "read")
	})
	return app
}

// a request behind a body that was read straight into the handler's buffer.
func TestPipelinedBehindBody(t *testing.T) {
	overPlainAndTLS(t, lifeApp, func(t *testing.T, dial func() net.Conn) {
		conn := dial()
		_ = conn.SetDeadline(time.Now().Add(patience))
		r := bufio.NewReader(conn)
		_, _ = io.WriteString(conn, "POST /bytes HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n")
		time.Sleep(30 * time.Millisecond)
		_, _ = conn.Write(append(bytes.Repeat([]byte("b"), 3000), get("/")...))
		_, body, err := readWhole(r)
		require.NoError(t, err)
		require.Equal(t, "read", body)
		_, body, err = readWhole(r)
		require.NoError(t, err, "the second answer")
		require.Equal(t, "hello", body)
	})
}

// C1: an idle connection ends, also after a body that was waited for. Nothing
// else ends it: all other limits are far away.
func TestIdleAfterBody(t *testing.T) {
	const idle = 2 * time.Second
	overPlainAndTLS(t, func() *wherry.App {
		return lifeApp().Timeouts(wherry.Timeouts{Idle: idle, Head: time.Hour, BodyStall: time.Hour, WriteStall: time.Hour})
	}, func(t *testing.T, dial func() net.Conn) {
		t.Parallel()
		conn := dial()
		r := bufio.NewReader(conn)
		_, _ = io.WriteString(conn, "POST /bytes HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n")
		time.Sleep(5 * time.Millisecond)
		_ = conn.SetDeadline(time.Now().Add(patience))
		begin := time.Now() // it is idle from now on at the earliest
		_, _ = conn.Write(bytes.Repeat([]byte("b"), 3000))
		status, _, err := readWhole(r)
		require.NoError(t, err)
		require.Equal(t, 200, status)
		_, err = io.Copy(io.Discard, conn)
		require.NoError(t, err, "an idle connection is never closed")
		require.GreaterOrEqual(t, time.Since(begin), idle-idle/10)
	})
}

// C2: requests with bodies count as activity.
func TestBodiesAreActivity(t *testing.T) {
	overPlainAndTLS(t, func() *wherry.App {
		return lifeApp().Timeouts(wherry.Timeouts{Idle: 3 * time.Second})
	}, func(t *testing.T, dial func() net.Conn) {
		t.Parallel()
		conn := dial()
		_ = conn.SetDeadline(time.Now().Add(patience))
		r := bufio.NewReader(conn)
		for i := range 5 {
			_, err := io.WriteString(conn, "POST /bytes HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n")
			require.NoError(t, err)
			time.Sleep(5 * time.Millisecond)
			_, err = conn.Write(bytes.Repeat([]byte("b"), 3000))
			require.NoError(t, err)
			_, _, err = readWhole(r)
			require.NoError(t, err, "request %d", i)
			time.Sleep(900 * time.Millisecond) // more than Idle in all, and much less each time
		}
	})
}

// a stalled answer ends also when the read deadline has passed before.
func TestStallAfterIdle(t *testing.T) {
	const idle = 2 * time.Second
	ended := make(chan error, 100) // one for each of the servers, which are alike and wait at once
	overPlainAndTLS(t, func() *wherry.App {
		return quiet().Timeouts(wherry.Timeouts{Idle: idle, WriteStall: 300 * time.Millisecond}).Get("/", func(c *wherry.Context) error {
			time.Sleep(idle + 200*time.Millisecond) // as a stream that goes on for longer than Idle
			p := make([]byte, 1<<20)
			for range 64 {
				if _, err := c.Write(p); err != nil {
					ended <- err
					return err
				}
			}
			ended <- nil
			return nil
		})
	}, func(t *testing.T, dial func() net.Conn) {
		t.Parallel()
		conn := dial()
		_, _ = io.WriteString(conn, get("/"))
		select {
		case err := <-ended:
			require.Error(t, err)
		case <-time.After(patience):
			conn.Close()
			t.Fatal("the answer stalls for ever")
		}
	})
}

// the deadline of a head is its own.
func TestSecondHead(t *testing.T) {
	const head = 3 * time.Second
	overPlainAndTLS(t, func() *wherry.App {
		return quiet().Timeouts(wherry.Timeouts{Head: head}).Get("/", func(c *wherry.Context) error {
			time.Sleep(head + 200*time.Millisecond)
			return c.Text(200, "slow")
		})
	}, func(t *testing.T, dial func() net.Conn) {
		t.Parallel()
		conn := dial()
		_ = conn.SetDeadline(time.Now().Add(patience))
		r := bufio.NewReader(conn)
		_, _ = io.WriteString(conn, "GET / HT")
		time.Sleep(20 * time.Millisecond)
		_, _ = io.WriteString(conn, "TP/1.1\r\nHost: x\r\n\r\nGET / HTT")
		_, body, err := readWhole(r)
		require.NoError(t, err)
		require.Equal(t, "slow", body)
		time.Sleep(100 * time.Millisecond)
		_, _ = io.WriteString(conn, "P/1.1\r\nHost: x\r\n\r\n")
		status, _, err := readWhole(r)
		require.NoError(t, err)
		require.Equal(t, 200, status)
	})
}

// a connection persists after a stream that took longer than Idle.
func TestKeepAfterStream(t *testing.T) {
	const idle = 3 * time.Second
	overPlainAndTLS(t, func() *wherry.App {
		return quiet().Timeouts(wherry.Timeouts{Idle: idle}).Get("/", func(c *wherry.Context) error {
			for range 5 {
				if _, err := c.WriteString("tick\n"); err != nil {
					return err
				}
				if err := c.Flush(); err != nil {
					return err
				}
				time.Sleep(idle/5 + 50*time.Millisecond)
			}
			return nil
		})
	}, func(t *testing.T, dial func() net.Conn) {
		t.Parallel()
		conn := dial()
		_ = conn.SetDeadline(time.Now().Add(patience))
		r := bufio.NewReader(conn)
		for i := range 2 {
			_, err := io.WriteString(conn, get("/"))
			require.NoError(t, err)
			_, _, err = readWhole(r)
			require.NoError(t, err, "request %d", i)
			time.Sleep(100 * time.Millisecond) // a small part of Idle
		}
	})
}

// a refused upload is read and forgotten at once, and not when Linger is over.
func TestLingerReadsAtOnce(t *testing.T) {
	overPlainAndTLS(t, func() *wherry.App {
		return quiet().Limits(wherry.Limits{Body: 4 << 20}).Timeouts(wherry.Timeouts{Linger: time.Hour}).Post("/", func(c *wherry.Context) error {
			time.Sleep(200 * time.Millisecond) // the buffers of the socket are full meanwhile
			return c.Text(413, "x")
		})
	}, func(t *testing.T, dial func() net.Conn) {
		conn := dial()
		_ = conn.SetDeadline(time.Now().Add(patience))
		const size = 3 << 20
		go func() {
			_, _ = conn.Write(append([]byte(fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size)), make([]byte, size)...))
			if half, ok := conn.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
		}()
		time.Sleep(300 * time.Millisecond) // the client reads only when it has sent all
		status, _, err := readWhole(bufio.NewReader(conn))
		require.NoError(t, err)
		require.Equal(t, 413, status)
		_, err = io.Copy(io.Discard, conn)
		require.NoError(t, err)
	})
}

// lingering ends after Linger.
func TestLingerEndsOverTLS(t *testing.T) {
	gone := make(chan struct{}, 1)
	overPlainAndTLS(t, func() *wherry.App {
		return quiet().Timeouts(wherry.Timeouts{Linger: 300 * time.Millisecond}).Get("/", text("x")).
			OnDisconnect(func(*wherry.Conn, error) { gone <- struct{}{} })
	}, func(t *testing.T, dial func() net.Conn) {
		conn := dial()
		_, _ = io.WriteString(conn, "NONSENSE\r\n\r\n")
		select {
		case <-gone:
		case <-time.After(patience):
			conn.Close()
			t.Fatal("it lingers for ever")
		}
	})
}

// a client that pipelines without end does not starve others.
func TestFlood(t *testing.T) {
	overPlainAndTLS(t, func() *wherry.App {
		return quiet().Get("/", text("x")).Get("/w", func(c *wherry.Context) error {
			for end := time.Now().Add(20 * time.Microsecond); time.Now().Before(end); {
			}
			return c.Text(200, "x")
		})
	}, func(t *testing.T, dial func() net.Conn) {
		var stop atomic.Bool
		batch := bytes.Repeat([]byte(get("/w")), 4000)
		for range 2 { // one on each loop
			conn := dial()
			go func() {
				for !stop.Load() {
					_ = conn.SetWriteDeadline(time.Now().Add(patience))
					if _, err := conn.Write(batch); err != nil {
						return
					}
				}
			}()
			go func() { _, _ = io.Copy(io.Discard, conn) }()
		}
		time.Sleep(300 * time.Millisecond)
		var worst time.Duration
		for range 6 {
			conn := dial()
			start := time.Now()
			_, _ = io.WriteString(conn, get("/"))
			_ = conn.SetReadDeadline(start.Add(patience))
			_, _, err := readWhole(bufio.NewReader(conn))
			if err != nil {
				t.Error("starved: ", err)
				break
			}
			worst = max(worst, time.Since(start))
		}
		t.Log("worst ", worst)
		stop.Store(true)
	})
}
