package wherry_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

func TestShutdownAnswersWhatIsInFlight(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	told := make(chan struct{})
	app := quiet().Get("/", func(c *wherry.Context) error {
		close(begun)
		<-goOn
		return c.Text(200, "done")
	}).OnShutdown(func() { close(told) })
	addr, stop := serve(t, app)
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, get("/"))
	require.NoError(t, err)
	<-begun
	done := make(chan error, 1)
	go func() { done <- stop() }()
	<-told
	close(goOn)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(answer), "Connection: close")
	require.Contains(t, string(answer), "done")
	require.NoError(t, <-done)
	require.Error(t, app.Serve(&net.TCPListener{}), "an app is not served twice")
}

func TestRun(t *testing.T) {
	app := quiet().Get("/", text("here"))
	socket := filepath.Join(t.TempDir(), "s")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx, "127.0.0.1:0", "unix:"+socket) }()
	client := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", socket)
	}}}
	var body []byte
	require.Eventually(t, func() bool {
		r, err := client.Get("http://x/")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		body, err = io.ReadAll(r.Body)
		return err == nil
	}, patience, 5*time.Millisecond)
	require.Equal(t, "here", string(body))
	cancel()
	require.NoError(t, <-done)
	require.Error(t, quiet().Run(context.Background()), "no address")
	require.Error(t, quiet().Run(context.Background(), "127.0.0.1:0", "nowhere:-1"))
}

func init() { children["listen"] = listenChild }

// listenChild serves until signals end it.
func listenChild() int {
	begun := os.Getenv("WHERRY_TEST_SOCKET") + ".begun"
	app := quiet().Get("/", text("child"))
	app.Get("/hang", func(c *wherry.Context) error {
		if err := os.WriteFile(begun, nil, 0o600); err != nil {
			return err
		}
		select {}
	})
	if err := app.Listen("unix:" + os.Getenv("WHERRY_TEST_SOCKET")); err != nil {
		fmt.Println(err)
		return 3
	}
	return 0
}

// startChild starts listenChild and connects to it.
func startChild(t *testing.T) (*exec.Cmd, net.Conn, string) {
	socket := filepath.Join(t.TempDir(), "s")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "WHERRY_TEST_CHILD=listen", "WHERRY_TEST_SOCKET="+socket)
	require.NoError(t, child.Start())
	var conn net.Conn
	require.Eventually(t, func() (up bool) {
		var err error
		conn, err = net.Dial("unix", socket)
		return err == nil
	}, patience, time.Millisecond)
	t.Cleanup(func() { _ = conn.Close() })
	return child, conn, socket
}

// TestListen: a signal drains and ends Listen without an error.
func TestListen(t *testing.T) {
	child, conn, socket := startChild(t)
	_, err := io.WriteString(conn, get("/"))
	require.NoError(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, 200, answer.StatusCode)
	require.NoError(t, child.Process.Signal(syscall.SIGTERM))
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "an idle connection is closed at once")
	require.NoError(t, child.Wait())
	require.NoFileExists(t, socket)
}

// TestListenSecondSignal: it ends the process at once. It is SIGTERM, for what a
// shell starts in the background ignores SIGINT.
func TestListenSecondSignal(t *testing.T) {
	child, conn, socket := startChild(t)
	_, err := io.WriteString(conn, get("/hang"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := os.Stat(socket + ".begun")
		return err == nil
	}, patience, time.Millisecond)
	done := make(chan error, 1)
	require.NoError(t, child.Process.Signal(syscall.SIGTERM))
	go func() { done <- child.Wait() }()
	var ended error
	require.Eventually(t, func() bool {
		select {
		case ended = <-done:
			return true
		default:
			_ = child.Process.Signal(syscall.SIGTERM) // until the first one has been noticed
			return false
		}
	}, patience, 5*time.Millisecond)
	var exit *exec.ExitError
	require.ErrorAs(t, ended, &exit)
	require.Equal(t, syscall.SIGTERM, exit.Sys().(syscall.WaitStatus).Signal())
}

// TestShutdownLosesNoRequest: a client that has just been answered may ask
// once more while the server shuts down, and is told that it was the last
// time. It has a quarter of a second for that: a try in which it was kept from
// running for longer says nothing.
func TestShutdownLosesNoRequest(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			for range 100 {
				took, err := askInShutdown(t, kind)
				if err == nil {
					return
				}
				require.GreaterOrEqual(t, took, 250*time.Millisecond, "%v", err)
			}
			t.Fatal("it was never in time")
		})
	}
}

// askInShutdown asks once before and once after a shutdown has begun. It
// returns the time from the first request to the second answer, or to its
// failure.
func askInShutdown(t *testing.T, kind engine.Kind) (took time.Duration, failure error) {
	app := quiet().Engine(kind).Get("/", text("hello"))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(ln) }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	r := bufio.NewReader(conn)
	begin := time.Now()
	_, err = io.WriteString(conn, get("/"))
	require.NoError(t, err)
	_, err = http.ReadResponse(r, nil)
	require.NoError(t, err)
	_, err = r.Discard(len("hello"))
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- app.Shutdown(context.Background()) }()
	time.Sleep(50 * time.Millisecond)
	_, failure = io.WriteString(conn, get("/"))
	if failure == nil {
		var res *http.Response
		if res, failure = http.ReadResponse(r, nil); failure == nil {
			require.True(t, res.Close)
		}
	}
	took = time.Since(begin)
	require.NoError(t, <-done)
	require.NoError(t, <-served)
	return took, failure
}
