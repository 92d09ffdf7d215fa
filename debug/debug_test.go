package debug_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/pprof"
	"runtime/trace"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/debug"
	"wherry.example/wherry/engine"
)

func from(target, host, fields string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + fields + "\r\n"
}

// ask asks over loopback.
func ask(t *testing.T, app *wherry.App, request string) *wherry.TestResponse {
	t.Helper()
	answers, err := app.TestOn(engine.Threaded, request)
	require.NoError(t, err)
	require.Equal(t, "nosniff", answers[0].Headers.Get("X-Content-Type-Options"))
	return answers[0]
}

func get(t *testing.T, target string, options ...debug.Options) *wherry.TestResponse {
	t.Helper()
	return ask(t, debug.Attach(wherry.New(), options...), from(target, "127.0.0.1:6060", ""))
}

func TestProfiles(t *testing.T) {
	index := get(t, "/debug/pprof/")
	require.Equal(t, 200, index.Status)
	require.Contains(t, string(index.Body), "goroutine ")
	heap := get(t, "/debug/pprof/heap?gc=1")
	require.Equal(t, 200, heap.Status)
	require.Equal(t, "\x1f\x8b", string(heap.Body[:2]), "a profile is gzip")
	require.Equal(t, `attachment; filename="heap.pprof"`, heap.Headers.Get("Content-Disposition"))
	text := get(t, "/debug/pprof/goroutine?debug=2")
	require.Equal(t, "text/plain; charset=utf-8", text.Headers.Get("Content-Type"))
	require.Contains(t, string(text.Body), "goroutine ")
	require.Equal(t, 404, get(t, "/debug/pprof/none").Status)
	require.Equal(t, 400, get(t, "/debug/pprof/heap?debug=3").Status)
}

func TestProfilesOfTime(t *testing.T) {
	cpu := get(t, "/debug/pprof/profile?seconds=0.05")
	require.Equal(t, 200, cpu.Status)
	require.Equal(t, "\x1f\x8b", string(cpu.Body[:2]))
	trace := get(t, "/debug/pprof/trace?seconds=0.05")
	require.Equal(t, 200, trace.Status)
	require.True(t, bytes.HasPrefix(trace.Body, []byte("go 1.")))
	for _, seconds := range []string{"0", "-1", "61", "1e9", "x", "1h"} {
		require.Equal(t, 400, get(t, "/debug/pprof/profile?seconds="+seconds).Status, seconds)
	}
	var own bytes.Buffer
	require.NoError(t, pprof.StartCPUProfile(&own))
	defer pprof.StopCPUProfile()
	require.Equal(t, 409, get(t, "/debug/pprof/profile?seconds=0.05").Status)
}

func TestOneAtATime(t *testing.T) {
	app := debug.Attach(wherry.New())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(ln) }()
	const patience = 30 * time.Second
	first, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	_, err = first.Write([]byte(from("/debug/pprof/trace?seconds=60", "localhost", "")))
	require.NoError(t, err)
	require.Eventually(t, trace.IsEnabled, patience, time.Millisecond)
	short := from("/debug/pprof/trace?seconds=0.05", "localhost", "Connection: close\r\n")
	require.Equal(t, "HTTP/1.1 409", statusLine(t, ln.Addr(), short))
	require.True(t, trace.IsEnabled(), "the first one goes on")
	require.NoError(t, first.Close())
	require.Eventually(t, func() bool { return statusLine(t, ln.Addr(), short) == "HTTP/1.1 200" }, patience, time.Millisecond,
		"who has left gives the place back")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, app.Shutdown(ctx))
	require.NoError(t, <-served)
}

func TestVars(t *testing.T) {
	answer := get(t, "/debug/vars", debug.Options{Vars: map[string]func() any{
		"tasks":  func() any { return 7 },
		"broken": func() any { panic("no") },
	}})
	var all struct {
		Go      string
		Runtime map[string]float64
		Vars    map[string]any
	}
	require.NoError(t, json.Unmarshal(answer.Body, &all))
	require.Equal(t, map[string]any{"tasks": 7.0, "broken": "panic"}, all.Vars)
	require.Positive(t, all.Runtime["/sched/goroutines:goroutines"])
	require.Len(t, all.Runtime, 11, "every name is known to this runtime")
	require.NotContains(t, string(answer.Body), os.Args[0], "the command line holds secrets")
}

func TestBuild(t *testing.T) {
	answer := get(t, "/debug/build")
	require.Equal(t, 200, answer.Status)
	require.Contains(t, string(answer.Body), "go\tgo1.")
}

func TestFlightRecorder(t *testing.T) {
	app := debug.Attach(wherry.New(), debug.Options{FlightRecorder: true})
	err := debug.Attach(wherry.New(), debug.Options{FlightRecorder: true}).Build()
	require.ErrorContains(t, err, "FlightRecorder")
	answer := ask(t, app, from("/debug/flight", "localhost", ""))
	require.Equal(t, 200, answer.Status)
	require.True(t, bytes.HasPrefix(answer.Body, []byte("go 1.")))
	// The shutdown has ended it: another app can have one.
	again := debug.Attach(wherry.New(), debug.Options{FlightRecorder: true, Window: time.Second})
	require.NoError(t, again.Build())
	require.NoError(t, again.Shutdown(context.Background()))
	without, err := debug.Attach(wherry.New()).TestOn(engine.Threaded, from("/debug/flight", "localhost", ""))
	require.NoError(t, err)
	require.Equal(t, 404, without[0].Status)
}

// CVE-2023-41338 of fiber: who is local is told by the socket alone. A proxy
// on this machine makes everybody local, and a page in a browser here can
// reach a loopback address under a name of its own.
func TestWhoIsHere(t *testing.T) {
	for _, test := range []struct {
		host, fields string
		status       int
	}{
		{"127.0.0.1", "", 200},
		{"localhost:6060", "", 200},
		{"LOCALHOST", "", 200},
		{"[::1]:6060", "", 200},
		{"127.0.0.1", "X-Forwarded-For: 127.0.0.1\r\n", 403},
		{"127.0.0.1", "Forwarded: for=127.0.0.1\r\n", 403},
		{"127.0.0.1", "X-Real-IP: 127.0.0.1\r\n", 403},
		{"127.0.0.1", "Via: 1.1 proxy\r\n", 403},
		{"127.0.0.1", "Sec-Fetch-Site: cross-site\r\n", 403},
		{"127.0.0.1", "Sec-Fetch-Site: same-site\r\n", 403}, // another port of this machine
		{"127.0.0.1", "Sec-Fetch-Site: same-origin\r\n", 200},
		{"127.0.0.1", "Sec-Fetch-Site: none\r\n", 200},
		{"example.com", "", 403},
		{"localhost.example.com", "", 403},
		{"127.0.0.1.example.com", "", 403},
	} {
		answer := ask(t, debug.Attach(wherry.New()), from("/debug/vars", test.host, test.fields))
		require.Equal(t, test.status, answer.Status, "%v", test)
	}
	remote := debug.Attach(wherry.New(), debug.Options{AllowRemote: true})
	require.Equal(t, 200, ask(t, remote, from("/debug/vars", "example.com", "Via: 1.1 proxy\r\n")).Status)
}

// What is neither a loopback address nor a Unix socket is elsewhere: here it
// is the connection of a test.
func TestOtherPeers(t *testing.T) {
	for _, path := range []string{"/debug/vars", "/debug/build", "/debug/pprof", "/debug/pprof/", "/debug/pprof/heap",
		"/debug/pprof/profile", "/debug/pprof/trace"} {
		answers, err := debug.Attach(wherry.New()).Test(from(path, "localhost", "X-Forwarded-For: 127.0.0.1\r\n"))
		require.NoError(t, err)
		require.Equal(t, 403, answers[0].Status, path)
	}
}

// elsewhere is a listener whose connections seem to have other ends.
type elsewhere struct {
	net.Listener
	remote, at net.Addr
}

type movedConn struct {
	net.Conn
	remote, at net.Addr
}

func (c movedConn) RemoteAddr() net.Addr { return c.remote }
func (c movedConn) LocalAddr() net.Addr  { return c.at }

func (l elsewhere) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return movedConn{c, l.remote, l.at}, nil
}

// Both ends must be here: a peer elsewhere is refused, and so is a listener
// that others can reach.
func TestBothEnds(t *testing.T) {
	here := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	there := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}
	for _, test := range []struct {
		remote, at net.Addr
		want       string
	}{
		{here, here, "HTTP/1.1 200"}, {there, here, "HTTP/1.1 403"}, {here, there, "HTTP/1.1 403"},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		app := debug.Attach(wherry.New())
		served := make(chan error, 1)
		go func() { served <- app.Serve(elsewhere{ln, test.remote, test.at}) }()
		require.Equal(t, test.want, statusLine(t, ln.Addr(), from("/debug/build", "localhost", "Connection: close\r\n")))
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, app.Shutdown(ctx))
		require.NoError(t, <-served)
	}
}

// statusLine sends a request and returns how the answer begins.
func statusLine(t *testing.T, addr net.Addr, request string) string {
	t.Helper()
	c, err := net.Dial(addr.Network(), addr.String())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	_, err = c.Write([]byte(request))
	require.NoError(t, err)
	line := make([]byte, 12)
	_, err = c.Read(line)
	require.NoError(t, err)
	return string(line)
}

func TestAddresses(t *testing.T) {
	for _, test := range []struct {
		remote, at string
		want       bool
	}{
		{"127.0.0.1:1", "127.9.9.9:2", true},
		{"[::1]:1", "[::1]:2", true},
		{"[::ffff:127.0.0.1]:1", "127.0.0.1:2", true},
		{"192.0.2.1:1", "127.0.0.1:2", false},
		{"127.0.0.1:1", "192.0.2.1:2", false},
		{"10.0.0.1:1", "10.0.0.2:2", false},
	} {
		remote, err := net.ResolveTCPAddr("tcp", test.remote)
		require.NoError(t, err)
		at, err := net.ResolveTCPAddr("tcp", test.at)
		require.NoError(t, err)
		require.Equal(t, test.want, debug.Local(remote) && debug.Local(at), "%v", test)
	}
}

func TestUnixSocket(t *testing.T) {
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	app := debug.Attach(wherry.New())
	served := make(chan error, 1)
	go func() { served <- app.Serve(ln) }()
	require.Equal(t, "HTTP/1.1 200", statusLine(t, ln.Addr(), from("/debug/build", "localhost", "Connection: close\r\n")))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	require.NoError(t, app.Shutdown(ctx))
	require.NoError(t, <-served)
}

func TestMistakes(t *testing.T) {
	many := map[string]func() any{}
	for i := range 1001 {
		many[fmt.Sprint(i)] = func() any { return nil }
	}
	for _, test := range []struct {
		o    debug.Options
		want string
	}{
		{debug.Options{Window: -1}, "Window"},
		{debug.Options{Window: time.Hour}, "Window"},
		{debug.Options{Vars: map[string]func() any{"a": nil}}, `Vars["a"]`},
		{debug.Options{Vars: many}, "1001 Vars"},
	} {
		require.ErrorContains(t, debug.Attach(wherry.New(), test.o).Build(), test.want)
	}
	require.ErrorContains(t, debug.Attach(wherry.New(), debug.Options{}, debug.Options{}).Build(), "give them once")
}

func TestBounded(t *testing.T) {
	whole, err := debug.WriteBounded(4, "ab", "cd")
	require.NoError(t, err)
	require.Equal(t, "abcd", string(whole))
	_, err = debug.WriteBounded(4, "ab", "cde")
	require.ErrorContains(t, err, "too large")
}

func ExampleAttach() {
	admin := debug.Attach(wherry.New(), debug.Options{Vars: map[string]func() any{
		"tasks": func() any { return 7 },
	}})
	// In a program: go admin.Listen("127.0.0.1:6060")
	answers, err := admin.TestOn(engine.Threaded, "GET /debug/vars HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	var all struct{ Vars map[string]any }
	if err := json.Unmarshal(answers[0].Body, &all); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(all.Vars["tasks"])
	// Output: 7
}
