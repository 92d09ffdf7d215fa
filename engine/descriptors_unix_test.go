//go:build unix

package engine

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// roomFor is n, or how many connections there are descriptors for: each has
// two, and some are left for others.
func roomFor(t *testing.T, n int) int {
	var have syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &have))
	return min(n, max(int(min(have.Cur, 1<<20)/2)-200, 50))
}

func init() { children["descriptors"] = runOutOfDescriptors }

// TestOutOfDescriptors runs an engine in a process that has few descriptors.
func TestOutOfDescriptors(t *testing.T) {
	for _, kind := range All() {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "ENGINE_TEST_CHILD=descriptors", "ENGINE_TEST_KIND="+string(kind))
		out, err := child.CombinedOutput()
		require.NoError(t, err, "%s: %s", kind, out)
	}
}

func runOutOfDescriptors() int {
	fail := func(what string, err error) int {
		fmt.Println(what, err)
		return 1
	}
	limit := syscall.Rlimit{Cur: 40, Max: 40}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fail("setrlimit", err)
	}
	errs := make(chan error, 100)
	h := &host{}
	e, err := New(Kind(os.Getenv("ENGINE_TEST_KIND")), Config{Handler: h, OnError: func(err error) { errs <- err }})
	if err != nil {
		return fail("new", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fail("listen", err)
	}
	served := make(chan error, 1)
	go func() { served <- e.Serve(ln) }()
	late, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return fail("socket", err)
	}
	first, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		return fail("dial", err)
	}
	if err := echo(first); err != nil { // the engine has the descriptors that it needs to begin
		return fail("first connection", err)
	}
	begin := time.Now()
	conns := []net.Conn{first}
	for { // both ends are ours: the descriptors run out soon
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			break
		}
		conns = append(conns, conn)
	}
	// The engine may have accepted all of these with the last descriptor. This
	// one asks for a descriptor when there is none.
	addr := ln.Addr().(*net.TCPAddr)
	err = syscall.Connect(late, &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())})
	if err != nil {
		return fail("connect", err)
	}
	select {
	case <-errs:
	case err := <-served:
		return fail("the engine ended", err)
	case <-time.After(patience):
		return fail("nobody told of the end of descriptors", nil)
	}
	last := conns[len(conns)-1]
	for _, c := range conns[:len(conns)-1] {
		_ = c.Close()
	}
	if err := echo(last); err != nil {
		return fail("last connection", err)
	}
	if len(errs) > 0 && time.Since(begin) < longestPause { // what comes later is another episode
		return fail("one episode was told more than once", <-errs)
	}
	if _, err := e.Shutdown(context.Background()); err != nil {
		return fail("shutdown", err)
	}
	if err := <-served; err != nil {
		return fail("serve", err)
	}
	return 0
}

// echo asks the host at the other end of c for an answer.
func echo(c net.Conn) error {
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, "echo alive\n"); err != nil {
		return err
	}
	got := make([]byte, 6)
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if string(got) != "alive\n" {
		return fmt.Errorf("answer %q", got)
	}
	return nil
}
