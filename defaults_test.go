package wherry

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

// TestDefaults: what the documentation of the fields promises.
func TestDefaults(t *testing.T) {
	limits, err := Limits{}.complete()
	require.NoError(t, err)
	require.Equal(t, Limits{
		Head: 16384, FieldLines: 100, Target: 8192, Body: 4194304, ChunkExtensions: 4096, Trailer: 8192, Drain: 262144,
		MinRate: 240, Connections: unlimitedInt32,
	}, limits)
	timeouts, err := Timeouts{}.complete()
	require.NoError(t, err)
	require.Equal(t, Timeouts{
		Handshake: 5 * time.Second, Head: 10 * time.Second, BodyStall: 30 * time.Second, WriteStall: 30 * time.Second,
		Idle: 60 * time.Second, Linger: 2 * time.Second, Shutdown: 20 * time.Second,
	}, timeouts)
}

// eachNumber calls f with the name of each field of Limits and Timeouts and
// with the app that has it set to n.
func eachNumber(n int64, f func(name string, app *App)) {
	for i := range reflect.TypeFor[Limits]().NumField() {
		var l Limits
		reflect.ValueOf(&l).Elem().Field(i).SetInt(n)
		f("Limits."+reflect.TypeFor[Limits]().Field(i).Name, New().Limits(l))
	}
	for i := range reflect.TypeFor[Timeouts]().NumField() {
		var t Timeouts
		reflect.ValueOf(&t).Elem().Field(i).SetInt(n)
		f("Timeouts."+reflect.TypeFor[Timeouts]().Field(i).Name, New().Timeouts(t))
	}
}

// number returns what the built app makes of a field.
func number(app *App, name string) int64 {
	group, field, _ := strings.Cut(name, ".")
	v := reflect.ValueOf(app.server.limits)
	if group == "Timeouts" {
		v = reflect.ValueOf(app.server.timeouts)
	}
	return v.FieldByName(field).Int()
}

// TestOwnNumbers: every field may be set and switched off; more than any
// machine can count is no limit; another negative number is a mistake that
// names the field.
func TestOwnNumbers(t *testing.T) {
	eachNumber(100, func(name string, app *App) {
		require.NoError(t, app.Build())
		require.EqualValues(t, 100, number(app, name), name)
	})
	off := map[string]int64{}
	eachNumber(NoLimit, func(name string, app *App) {
		require.NoError(t, app.Build())
		off[name] = number(app, name)
		if name != "Limits.MinRate" {
			require.Greater(t, off[name], int64(1<<30), name)
		}
	})
	require.Zero(t, off["Limits.MinRate"], "the least rate is none")
	eachNumber(1<<62, func(name string, app *App) {
		if name == "Limits.Body" || name == "Limits.Drain" || name == "Limits.MinRate" {
			return // these can be as large
		}
		require.NoError(t, app.Build())
		require.Equal(t, off[name], number(app, name), name)
	})
	eachNumber(-2, func(name string, app *App) { require.ErrorContains(t, app.Build(), name+" is -2") })
	for n, ok := range map[int]bool{1: false, leastHead - 1: false, leastHead: true} {
		err := New().Limits(Limits{Head: n}).Build()
		require.Equal(t, ok, err == nil, "%d: %v", n, err)
	}
	err := New().Post("/", func(*Context) error { return nil }, BodyLimit(-5)).Build()
	require.ErrorContains(t, err, "BodyLimit is -5")
}

// TestOwnLeastRate: who moves content at half of Limits.MinRate is cut when
// its grace is used up, who moves it at twice that is not, in both directions.
func TestOwnLeastRate(t *testing.T) {
	const size, rate = 200_000, 1000
	app := func() *App {
		a := New().Limits(Limits{MinRate: rate}).Timeouts(Timeouts{BodyStall: 10 * time.Second, WriteStall: 10 * time.Second})
		a.Post("/", func(c *Context) error {
			_, err := io.Copy(io.Discard, c.Body())
			return err
		})
		return a.Get("/", func(c *Context) error { return c.Bytes(200, "a/b", make([]byte, size)) })
	}
	send := func(client net.Conn, step int) (moved int, err error) {
		_, _ = io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n")
		go func() { _, _ = io.Copy(io.Discard, client) }()
		for n := 0; moved < size && err == nil; moved += n {
			time.Sleep(time.Second)
			n, err = client.Write(make([]byte, step))
		}
		return moved, err
	}
	receive := func(client net.Conn, step int) (moved int, err error) {
		_, _ = io.WriteString(client, plainRequest)
		for n := 0; moved < size && err == nil; moved += n {
			time.Sleep(time.Second)
			n, err = client.Read(make([]byte, step))
		}
		return moved, err
	}
	for name, move := range map[string]func(net.Conn, int) (int, error){"send": send, "receive": receive} {
		timed(t, app(), func(t *testing.T, client net.Conn, _ func() error) {
			moved, err := move(client, 2*rate)
			require.NoError(t, err, name)
			require.GreaterOrEqual(t, moved, size)
		})
		timed(t, app(), func(t *testing.T, client net.Conn, cause func() error) {
			start := time.Now()
			moved, err := move(client, rate/2)
			require.Error(t, err, name)
			require.InDelta(t, 20, since(start).Seconds(), 3, "half a second of ten is lost each second")
			require.Less(t, moved, size/10)
			_ = client.Close()
			_ = cause()
		})
	}
}

// TestHandshakeTimeout: the engine is told of it.
func TestHandshakeTimeout(t *testing.T) {
	for _, kind := range engine.All() {
		app := New().Engine(kind).Logger(slog.New(slog.DiscardHandler)).Timeouts(Timeouts{Handshake: 100 * time.Millisecond})
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		ended := make(chan error, 1)
		go func() { ended <- app.Serve(tls.NewListener(tcp, &tls.Config{GetCertificate: noCertificate})) }()
		client, err := net.Dial("tcp", tcp.Addr().String())
		require.NoError(t, err)
		require.NoError(t, client.SetDeadline(time.Now().Add(30*time.Second)))
		_, err = client.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "%s: a client that is silent is not waited for", kind)
		require.NoError(t, client.Close())
		require.NoError(t, app.Shutdown(context.Background()))
		require.NoError(t, <-ended)
	}
}

func noCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errWire }

// TestRunShutdownTimeout: Run waits for what is in flight for
// Timeouts.Shutdown.
func TestRunShutdownTimeout(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	release := make(chan struct{})
	defer close(release)
	app := New().Logger(slog.New(slog.DiscardHandler)).Timeouts(Timeouts{Shutdown: 50 * time.Millisecond})
	app.Get("/", func(c *Context) error {
		cancel()
		<-release
		return nil
	})
	socket := filepath.Join(t.TempDir(), "s")
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx, "unix:"+socket) }()
	var client net.Conn
	require.Eventually(t, func() (up bool) {
		var err error
		client, err = net.Dial("unix", socket)
		return err == nil
	}, 30*time.Second, time.Millisecond)
	defer client.Close()
	_, err := io.WriteString(client, plainRequest)
	require.NoError(t, err)
	require.ErrorContains(t, <-ended, "1 connections were cut")
}
