package proxyproto_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/proxyproto"
	"wherry.example/wherry/secure"
)

const (
	persistent = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"
	seen       = "192.0.2.1:12345 192.0.2.1:12345 true 198.51.100.2:443"
)

// onEach runs a test on every engine, plain and with TLS around.
func onEach(t *testing.T, o proxyproto.Options, test func(t *testing.T, s server)) {
	certificates := httptest.NewTLSServer(nil)
	defer certificates.Close()
	config := &tls.Config{Certificates: certificates.TLS.Certificates}
	for _, kind := range engine.All() {
		for _, encrypted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s tls=%v", kind, encrypted), func(t *testing.T) {
				shield := open
				if encrypted {
					shield = func(ln net.Listener) net.Listener {
						wrapped, err := secure.NewListener(ln, config)
						require.NoError(t, err)
						return wrapped
					}
				}
				addr, causes := serve(t, kind, o, shield)
				test(t, server{kind: kind, encrypted: encrypted, addr: addr, causes: causes})
			})
		}
	}
}

type server struct {
	kind      engine.Kind
	encrypted bool
	addr      string
	causes    chan error
}

// begin sends a header, in pieces if there are several, and makes the
// connection one of TLS if the server speaks that.
func (s server) begin(t *testing.T, pieces ...string) net.Conn {
	t.Helper()
	c := dial(t, s.addr)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	for _, piece := range pieces {
		_, err := io.WriteString(c, piece)
		require.NoError(t, err)
		if len(pieces) > 1 {
			time.Sleep(time.Millisecond)
		}
	}
	if !s.encrypted {
		return c
	}
	secured := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, secured.Handshake())
	return secured
}

func exchange(t *testing.T, c net.Conn, want string) {
	t.Helper()
	_, err := io.WriteString(c, persistent)
	require.NoError(t, err)
	p := make([]byte, 4096)
	n, err := c.Read(p)
	require.NoError(t, err)
	require.Contains(t, string(p[:n]), want)
}

func (s server) loops() bool { return s.kind != engine.Threaded }

// settles waits until there are no more goroutines than before.
func settles(t *testing.T, before int) {
	t.Helper()
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
}

// Behind its header an idle connection on a loop holds no goroutine, and
// neither does one whose header has not come or only in part.
func TestNoGoroutine(t *testing.T) {
	onEach(t, proxyproto.Options{TrustedProxies: loopback}, func(t *testing.T, s server) {
		exchange(t, s.begin(t, headerV1), seen)
		if !s.loops() {
			return
		}
		time.Sleep(20 * time.Millisecond)
		before := runtime.NumGoroutine()
		var idle []net.Conn
		for range 20 {
			idle = append(idle, s.begin(t, headerV2))
			exchange(t, idle[len(idle)-1], seen)
		}
		settles(t, before)
		for _, c := range idle {
			exchange(t, c, seen)
		}
		if s.encrypted {
			return // the wait for a handshake is on a goroutine
		}
		for range 20 {
			_ = s.begin(t)
			_ = s.begin(t, headerV1[:9])
		}
		time.Sleep(20 * time.Millisecond)
		settles(t, before)
	})
}

// The pieces in which a header comes make no difference.
func TestPieces(t *testing.T) {
	onEach(t, proxyproto.Options{TrustedProxies: loopback, HeaderTimeout: time.Hour}, func(t *testing.T, s server) {
		for _, header := range []string{headerV1, headerV2} {
			exchange(t, s.begin(t, strings.Split(header, "")...), seen)
			exchange(t, s.begin(t, header[:13], header[13:]), seen)
		}
		for _, header := range []string{"PROXY UNKNOWN\r\n", localV2, unspecifiedV2} {
			c := s.begin(t, header)
			exchange(t, c, c.LocalAddr().String()+" "+c.LocalAddr().String()+" true <nil>")
		}
	})
}

const (
	localV2       = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
	unspecifiedV2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x00\x00\x03any"
)

// What comes in one segment with the header is all served, also when it is
// more than a session reads at once.
func TestBytesBehindTheHeader(t *testing.T) {
	o := proxyproto.Options{TrustedProxies: loopback, HeaderBytes: 60000}
	content := strings.Repeat("\xee\x75\x30"+strings.Repeat("x", 30000), 1) // a TLV of 30000 bytes
	long := headerV2[:14] + string(binary.BigEndian.AppendUint16(nil, uint16(12+len(content)))) + headerV2[16:28] + content
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			for _, header := range []string{headerV1, headerV2, long} {
				for _, many := range []int{1, 3, 700} {
					addr, _ := serve(t, kind, o, open)
					c := dial(t, addr)
					go func() { _, _ = io.WriteString(c, header+strings.Repeat(persistent, many)+request) }()
					require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
					answers, err := io.ReadAll(c)
					require.NoError(t, err)
					require.Equal(t, many+1, strings.Count(string(answers), seen))
					require.NoError(t, c.Close())
				}
			}
		})
	}
}

// Over a unix socket, and inside of TLS, where engines give each connection a
// goroutine, all is the same.
func TestOtherWays(t *testing.T) {
	certificates := httptest.NewTLSServer(nil)
	defer certificates.Close()
	for _, kind := range engine.All() {
		app := wherry.New().Engine(kind).
			OnConnect(func(c *wherry.Conn) error { c.SetTag(c.RemoteAddr().String()); return nil }).
			Get("/", func(c *wherry.Context) error {
				return c.Text(200, fmt.Sprintf("%v %v %v", c.RemoteAddr(), c.Conn().Tag(), c.Conn().Encrypted()))
			})
		unix, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
		require.NoError(t, err)
		inside, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		encrypted, err := secure.NewListener(inside, &tls.Config{Certificates: certificates.TLS.Certificates})
		require.NoError(t, err)
		served := make(chan error, 2)
		go func() { served <- app.Serve(wrap(t, unix, proxyproto.Options{TrustUnix: true})) }()
		go func() { served <- app.Serve(wrap(t, encrypted, proxyproto.Options{TrustedProxies: loopback})) }()
		c, err := net.Dial("unix", unix.Addr().String())
		require.NoError(t, err)
		require.Equal(t, "192.0.2.1:12345 192.0.2.1:12345 false", talk(t, c, headerV2+request))
		c, err = tls.Dial("tcp", inside.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		require.NoError(t, err)
		require.Equal(t, "192.0.2.1:12345 192.0.2.1:12345 true", talk(t, c, headerV2+request))
		stop(t, app)
		require.NoError(t, <-served)
		require.NoError(t, <-served)
	}
}

// A header that is late ends the connection, and the hooks hear why.
func TestLateHeader(t *testing.T) {
	o := proxyproto.Options{TrustedProxies: loopback, HeaderTimeout: 100 * time.Millisecond}
	onEach(t, o, func(t *testing.T, s server) {
		t.Parallel() // they wait
		for _, part := range []string{"", headerV1[:9], headerV2[:20]} {
			c := dial(t, s.addr)
			_, err := io.WriteString(c, part)
			require.NoError(t, err)
			require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
			_, err = c.Read(make([]byte, 1))
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "all other times are an hour")
			require.ErrorIs(t, <-s.causes, proxyproto.ErrHeader)
			_ = c.Close()
		}
	})
	o.HeaderTimeout = 3 * time.Second
	onEach(t, o, func(t *testing.T, s server) {
		t.Parallel()
		c := s.begin(t, headerV1)
		time.Sleep(o.HeaderTimeout + 200*time.Millisecond)
		exchange(t, c, seen) // the time of the header is that of the header alone
	})
}

// A peer that leaves before or within its header is heard of once.
func TestGoneBeforeTheHeader(t *testing.T) {
	onEach(t, proxyproto.Options{TrustedProxies: loopback}, func(t *testing.T, s server) {
		for _, part := range []string{"", headerV1[:9], request} {
			c := dial(t, s.addr)
			_, err := io.WriteString(c, part)
			require.NoError(t, err)
			require.NoError(t, c.(*net.TCPConn).CloseWrite())
			cause := <-s.causes
			if part != "" {
				require.ErrorIs(t, cause, proxyproto.ErrHeader)
			}
			_ = c.Close()
		}
	})
}

// Who is not named is closed without a word, or served as it is.
func TestOthersOnEachEngine(t *testing.T) {
	elsewhere := []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
	onEach(t, proxyproto.Options{TrustedProxies: elsewhere}, func(t *testing.T, s server) {
		c := dial(t, s.addr)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
		_, err := c.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		_ = c.Close()
		require.Empty(t, s.causes, "no hook has heard of it")
	})
	onEach(t, proxyproto.Options{TrustedProxies: elsewhere, AllowDirect: true}, func(t *testing.T, s server) {
		c := s.begin(t)
		exchange(t, c, c.LocalAddr().String()+" "+c.LocalAddr().String()+" false <nil>")
	})
}

// app serves what it is given behind a header, and returns how to stop it.
func run(t *testing.T, kind engine.Kind, app *wherry.App) (addr string, served chan error) {
	t.Helper()
	o := proxyproto.Options{TrustedProxies: loopback, HeaderTimeout: time.Hour}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served = make(chan error, 1)
	go func() { served <- app.Engine(kind).Serve(wrap(t, inner, o)) }()
	return inner.Addr().String(), served
}

func stop(t *testing.T, app *wherry.App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, app.Shutdown(ctx))
}

// A hook refuses by the address of the client, and may end the listener.
func TestHookRefuses(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			refusal := errors.New("not this one")
			var connects atomic.Int64
			causes := make(chan error, 16)
			app := wherry.New().
				OnConnect(func(c *wherry.Conn) error {
					connects.Add(1)
					switch c.RemoteAddr().String() {
					case "192.0.2.1:12345":
						return refusal
					case "192.0.2.2:1":
						return wherry.ErrStopAccepting
					}
					return nil
				}).
				OnDisconnect(func(_ *wherry.Conn, cause error) { causes <- cause })
			addr, served := run(t, kind, app)
			require.Empty(t, talk(t, dial(t, addr), headerV1+request))
			require.ErrorIs(t, <-causes, refusal)
			require.Empty(t, talk(t, dial(t, addr), "PROXY TCP4 192.0.2.2 192.0.2.3 1 2\r\n"+request))
			require.ErrorIs(t, <-causes, wherry.ErrStopAccepting)
			select {
			case err := <-served:
				require.NoError(t, err)
			case <-time.After(patience):
				t.Fatal("the listener is still served")
			}
			require.EqualValues(t, 2, connects.Load())
			stop(t, app)
		})
	}
}

// A shutdown does not wait for headers, but answers who has just come. That one
// has a quarter of a second: a try in which it was kept from running for longer
// says nothing.
func TestShutdownBeforeTheHeader(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			for range 100 {
				took, answer := shutdownBeforeTheHeader(t, kind)
				if answer == "served" {
					return
				}
				require.GreaterOrEqual(t, took, 250*time.Millisecond, "answer %q", answer)
			}
			t.Fatal("it was never in time")
		})
	}
}

// shutdownBeforeTheHeader stops a server to which one client says nothing, and
// another its header and a request when the shutdown has begun. It returns what
// that one is answered and the time from its coming until then.
func shutdownBeforeTheHeader(t *testing.T, kind engine.Kind) (took time.Duration, got string) {
	begun := make(chan struct{})
	causes := make(chan error, 16)
	app := wherry.New().Get("/", func(c *wherry.Context) error { return c.Text(200, "served") }).
		OnShutdown(func() { close(begun) }).
		OnDisconnect(func(_ *wherry.Conn, cause error) { causes <- cause })
	addr, served := run(t, kind, app)
	require.Equal(t, "served", talk(t, dial(t, addr), headerV1+request))
	<-causes
	began := time.Now()
	silent, late := dial(t, addr), dial(t, addr)
	defer func() { _ = silent.Close(); _ = late.Close() }()
	time.Sleep(20 * time.Millisecond)
	require.NoError(t, late.SetDeadline(time.Now().Add(patience)))
	answer := make(chan string, 1)
	go func() {
		<-begun
		time.Sleep(20 * time.Millisecond)
		_, _ = io.WriteString(late, headerV1+request)
		all, _ := io.ReadAll(late)
		took = time.Since(began)
		_, content, _ := strings.Cut(string(all), "\r\n\r\n")
		answer <- content
	}()
	stop(t, app) // and not when the time for a header is over, which is an hour
	require.NoError(t, <-served)
	got = <-answer
	ends := []error{<-causes, <-causes}
	require.Contains(t, ends, wherry.ErrShutdown)
	if got == "served" {
		require.Contains(t, ends, error(nil))
	}
	return took, got
}

// What a socket can do, the connection can behind its header: files, the
// peer's leaving, and a new owner.
func TestWhatSocketsCan(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	content := strings.Repeat("0123456789", 100_000)
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			left := make(chan error, 1)
			app := wherry.New().
				Get("/file", func(c *wherry.Context) error { return sendFile(c, name) }).
				Get("/bare", func(c *wherry.Context) error {
					_, sends := c.Conn().NetConn().(engine.FileSender)
					_, yields := c.Conn().NetConn().(engine.Yielder)
					_, tries := c.Conn().NetConn().(engine.NonBlocking)
					return c.Text(200, fmt.Sprint(sends, yields, tries))
				}).
				Get("/wait", func(c *wherry.Context) error {
					<-c.Context().Done()
					left <- context.Cause(c.Context())
					return nil
				}).
				Get("/own", func(c *wherry.Context) error {
					conn, early, err := c.Hijack()
					if err != nil {
						return err
					}
					go func() {
						defer func() { _ = conn.Close() }()
						p := make([]byte, 5-len(early))
						_, _ = io.ReadFull(conn, p)
						_, _ = fmt.Fprintf(conn, "%s%s from %v", early, p, conn.RemoteAddr())
					}()
					return nil
				})
			addr, served := run(t, kind, app)
			get := func(path, more string) string {
				return headerV1 + "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: " + more + "\r\n\r\n"
			}
			if kind != engine.Threaded {
				require.Equal(t, "true true true", talk(t, dial(t, addr), get("/bare", "close")), "no layer stands between")
			}
			require.True(t, content == talk(t, dial(t, addr), get("/file", "close")))
			c := dial(t, addr)
			_, err := io.WriteString(c, get("/wait", "close"))
			require.NoError(t, err)
			require.NoError(t, c.Close())
			require.ErrorIs(t, <-left, wherry.ErrClientGone)
			c = dial(t, addr)
			_, err = io.WriteString(c, get("/own", "upgrade\r\nUpgrade: x")+"hello")
			require.NoError(t, err)
			require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
			answer, err := io.ReadAll(c)
			require.NoError(t, err)
			require.Equal(t, "hello from 192.0.2.1:12345", string(answer))
			_ = c.Close()
			stop(t, app)
			require.NoError(t, <-served)
		})
	}
}

func sendFile(c *wherry.Context, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	c.SetHeader("Content-Length", "1000000")
	_, err = io.Copy(c, f)
	return err
}
