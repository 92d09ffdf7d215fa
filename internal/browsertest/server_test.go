//go:build linux

package browsertest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// example is a running example.
type example struct {
	t    *testing.T
	name string
	kind engine.Kind
	addr string
	log  string   // the file with what it has written
	more []string // flags
	cmd  *exec.Cmd
}

// start starts an example on a port that the system chooses.
func start(t *testing.T, name string, kind engine.Kind, more ...string) *example {
	t.Helper()
	needBrowser(t)
	e := &example{t: t, name: name, kind: kind, addr: "127.0.0.1:0", log: filepath.Join(t.TempDir(), "log"), more: more}
	e.again()
	t.Cleanup(func() { _ = e.cmd.Process.Kill(); _ = e.cmd.Wait() })
	return e
}

// address finds in the log where the example listens.
var address = regexp.MustCompile(`wherry: listening address=(\S+)`)

// again starts it on the port it had.
func (e *example) again() {
	e.t.Helper()
	args := append([]string{"-addr", e.addr, "-engine", string(e.kind)}, e.more...)
	e.cmd = exec.Command(filepath.Join(examples, e.name), args...)
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // if the test has no time to end it
	log, err := os.Create(e.log)
	require.NoError(e.t, err)
	e.cmd.Stdout, e.cmd.Stderr = log, log
	require.NoError(e.t, e.cmd.Start())
	require.NoError(e.t, log.Close())
	require.Eventually(e.t, func() bool {
		text, err := os.ReadFile(e.log)
		found := address.FindSubmatch(text)
		if err == nil && found != nil {
			e.addr = string(found[1])
		}
		return found != nil
	}, patience, 5*time.Millisecond)
}

// end sends it a signal and waits until it is gone.
func (e *example) end(signal syscall.Signal) {
	e.t.Helper()
	require.NoError(e.t, e.cmd.Process.Signal(signal))
	err := e.cmd.Wait()
	if signal == syscall.SIGTERM {
		require.NoError(e.t, err)
	}
}

func (e *example) url() string { return "http://" + e.addr }

// post sends a text.
func (e *example) post(path, text string) {
	e.t.Helper()
	answer, err := http.Post(e.url()+path, "text/plain", strings.NewReader(text))
	require.NoError(e.t, err)
	require.NoError(e.t, answer.Body.Close())
	require.Equal(e.t, 204, answer.StatusCode)
}

// serve serves an app of the test until the test ends.
func serve(t *testing.T, app *wherry.App, addr string) (origin string) {
	t.Helper()
	needBrowser(t)
	ln, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(ln) }()
	t.Cleanup(func() {
		// The browser keeps connections open as long as it likes.
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, errors.Join(app.Shutdown(ctx), <-served))
	})
	return "http://" + ln.Addr().String()
}
