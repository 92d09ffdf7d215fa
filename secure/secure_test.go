package secure_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/secure"
)

// patience bounds what must happen. It is no measure of how fast it happens: a
// machine that is slow must not fail a test.
const patience = 30 * time.Second

// writeCertificate makes a certificate of this number for this run.
func writeCertificate(t *testing.T, dir string, number int64) (certFile, keyFile string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(number), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	keyBytes, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyBytes}), 0o600))
	return certFile, keyFile
}

// onEach serves an app over TLS on every engine.
func onEach(t *testing.T, app func() *wherry.App, test func(t *testing.T, addr string)) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			certFile, keyFile := certificate(t)
			ln, err := secure.Listen("127.0.0.1:0", certFile, keyFile)
			require.NoError(t, err)
			a := app().Engine(kind).Logger(slog.New(slog.DiscardHandler))
			served := make(chan error, 1)
			go func() { served <- a.Serve(ln) }()
			test(t, ln.Addr().String())
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			require.NoError(t, a.Shutdown(ctx))
			require.NoError(t, <-served)
		})
	}
}

func certificate(t *testing.T) (certFile, keyFile string) { return writeCertificate(t, t.TempDir(), 1) }

func dial(t *testing.T, addr string) (*tls.Conn, *bufio.Reader) {
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	t.Cleanup(func() { conn.Close() })
	return conn, bufio.NewReaderSize(conn, 64<<10)
}

// readAnswer reads an answer with a Content-Length.
func readAnswer(t *testing.T, r *bufio.Reader) (status, content string) {
	status, err := r.ReadString('\n')
	require.NoError(t, err)
	length := 0
	for {
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		if line == "\r\n" {
			break
		}
		_, _ = fmt.Sscanf(line, "Content-Length: %d", &length)
	}
	body := make([]byte, length)
	_, err = io.ReadFull(r, body)
	require.NoError(t, err)
	return strings.TrimSpace(status), string(body)
}

func echo() *wherry.App {
	app := wherry.New()
	app.Get("/", func(c *wherry.Context) error {
		state, ok := secure.State(c.Conn().NetConn())
		return c.Text(200, fmt.Sprintf("%v %s %v", ok, state.NegotiatedProtocol, state.Version >= tls.VersionTLS12))
	})
	app.Post("/", func(c *wherry.Context) error {
		c.SetHeader("Content-Length", fmt.Sprint(c.ContentLength()))
		_, err := io.Copy(c, c.Body())
		return err
	}, wherry.BodyLimit(wherry.NoLimit))
	return app
}

// TestRequests: several requests on one connection, pipelined ones, and
// content of many records in both directions at once.
func TestRequests(t *testing.T) {
	onEach(t, echo, func(t *testing.T, addr string) {
		conn, r := dial(t, addr)
		get := "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
		for range 3 {
			_, err := io.WriteString(conn, get)
			require.NoError(t, err)
			status, content := readAnswer(t, r)
			require.Equal(t, "HTTP/1.1 200 OK", status)
			require.Equal(t, "true http/1.1 true", content)
		}
		_, err := io.WriteString(conn, strings.Repeat(get, 200))
		require.NoError(t, err)
		for range 200 {
			_, content := readAnswer(t, r)
			require.Equal(t, "true http/1.1 true", content)
		}
		big := bytes.Repeat([]byte("0123456789abcdef"), 256<<10)
		go func() {
			_, _ = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(big))
			_, _ = conn.Write(big)
		}()
		_, content := readAnswer(t, r)
		require.True(t, string(big) == content, "4 MiB come back as they went")
	})
}

// shaking is a listener whose connections have a handshake, and do not
// encrypt.
type shaking struct{ net.Listener }

type shakingConn struct{ net.Conn }

func (shakingConn) HandshakeContext(context.Context) error { return nil }

func (l shaking) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return shakingConn{conn}, err
}

// TestEncrypted: hooks and handlers are told whether the connection is one of
// TLS, on every engine.
func TestEncrypted(t *testing.T) {
	app := func() *wherry.App {
		return wherry.New().
			OnConnect(func(c *wherry.Conn) error { c.SetTag(c.Encrypted()); return nil }).
			Get("/", func(c *wherry.Context) error {
				return c.Text(200, fmt.Sprint(c.Conn().Tag(), c.Conn().Encrypted()))
			})
	}
	const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	onEach(t, app, func(t *testing.T, addr string) {
		conn, r := dial(t, addr)
		_, err := io.WriteString(conn, get)
		require.NoError(t, err)
		_, content := readAnswer(t, r)
		require.Equal(t, "true true", content)
	})
	for _, kind := range engine.All() {
		a := app().Engine(kind)
		served := make(chan error, 2)
		for _, wrap := range []func(net.Listener) net.Listener{
			func(ln net.Listener) net.Listener { return ln },
			func(ln net.Listener) net.Listener { return shaking{ln} },
		} {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			go func() { served <- a.Serve(wrap(ln)) }()
			conn, err := net.Dial("tcp", ln.Addr().String())
			require.NoError(t, err)
			require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
			_, err = io.WriteString(conn, get)
			require.NoError(t, err)
			_, content := readAnswer(t, bufio.NewReader(conn))
			require.Equal(t, "false false", content)
			require.NoError(t, conn.Close())
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		require.NoError(t, a.Shutdown(ctx))
		cancel()
		require.NoError(t, <-served)
		require.NoError(t, <-served)
	}
	answers, err := app().Test(get)
	require.NoError(t, err)
	require.Equal(t, "false false", string(answers[0].Body), "in memory there is no connection")
}

// TestDrip sends the bytes of records one by one: no cut may hold up or break
// a request.
func TestDrip(t *testing.T) {
	onEach(t, echo, func(t *testing.T, addr string) {
		raw, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer raw.Close()
		require.NoError(t, raw.SetDeadline(time.Now().Add(patience)))
		slow := &dripping{Conn: raw}
		conn := tls.Client(slow, &tls.Config{InsecureSkipVerify: true})
		require.NoError(t, conn.Handshake())
		slow.drip = true
		_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
		require.NoError(t, err)
		_, content := readAnswer(t, bufio.NewReader(conn))
		require.Equal(t, "hello", content)
	})
}

type dripping struct {
	net.Conn
	drip bool
}

func (d *dripping) Write(p []byte) (int, error) {
	if !d.drip {
		return d.Conn.Write(p)
	}
	for i := range p {
		if _, err := d.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
		if i%16 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	return len(p), nil
}

// TestHandshakeTimeout: who never speaks is sent away, and holds up nobody.
func TestHandshakeTimeout(t *testing.T) {
	app := func() *wherry.App { return echo().Timeouts(wherry.Timeouts{Handshake: 3 * time.Second}) }
	onEach(t, app, func(t *testing.T, addr string) {
		t.Parallel() // they wait
		silent, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer silent.Close()
		conn, r := dial(t, addr)
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		readAnswer(t, r)
		require.NoError(t, silent.SetReadDeadline(time.Now().Add(patience)))
		_, err = silent.Read(make([]byte, 1))
		require.Error(t, err)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		readAnswer(t, r)
	})
}

// TestIdle: an idle connection on a loop holds no goroutine.
func TestIdle(t *testing.T) {
	onEach(t, echo, func(t *testing.T, addr string) {
		dial(t, addr)
		if strings.HasSuffix(t.Name(), string(engine.Threaded)) {
			return
		}
		time.Sleep(50 * time.Millisecond)
		before := runtime.NumGoroutine()
		for range 20 {
			conn, r := dial(t, addr)
			_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			require.NoError(t, err)
			readAnswer(t, r)
		}
		for end := time.Now().Add(patience); runtime.NumGoroutine() > before && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
		require.LessOrEqual(t, runtime.NumGoroutine(), before)
	})
}

func TestMistakes(t *testing.T) {
	_, err := secure.Listen("127.0.0.1:0", "none.pem", "none.pem")
	require.ErrorContains(t, err, "none.pem")
	_, err = secure.Files("", "none.pem")
	require.EqualError(t, err, "secure: the path of the certificate is empty; give that of a PEM file")
	_, err = secure.Files("none.pem", "")
	require.ErrorContains(t, err, "secure: the path of the key is empty")
	_, err = secure.NewListener(nil, &tls.Config{})
	require.ErrorContains(t, err, "no certificate")
	certFile, keyFile := certificate(t)
	_, err = secure.Listen("127.0.0.1:no", certFile, keyFile)
	require.Error(t, err)
	ln, err := secure.Listen("unix:"+filepath.Join(t.TempDir(), "s"), certFile, keyFile)
	require.NoError(t, err, "an address has the forms of wherry.OpenListener")
	require.Equal(t, "unix", ln.Addr().Network())
	require.NoError(t, ln.Close())
	_, ok := secure.State(nil)
	require.False(t, ok)
}
