package wherry_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

// This file runs the conversations of testdata/conformance, which are read by
// conformance_format_test.go, on the wire. Every conversation runs on every
// engine, sent as a whole, cut at every line end, and byte by byte; and cut in
// two at every offset over a pipe, which keeps the pieces apart.

// cuttings are the ways to cut what is sent on a socket.
var cuttings = map[string]func([]byte) [][]byte{
	"whole": func(b []byte) [][]byte { return [][]byte{b} },
	"lines": func(b []byte) [][]byte { return bytes.SplitAfter(b, []byte("\n")) },
	"bytes": func(b []byte) [][]byte {
		var pieces [][]byte
		for len(b) > 2000 { // the first bytes and the last ones matter
			pieces, b = append(pieces, b[:997]), b[997:]
		}
		for i := range b {
			pieces = append(pieces, b[i:i+1])
		}
		return pieces
	},
}

func TestConformance(t *testing.T) {
	all := readCorpus(t)
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			dial := startApps(t, kind, func() (net.Listener, func() (net.Conn, error)) {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				return ln, func() (net.Conn, error) { return net.Dial("tcp", ln.Addr().String()) }
			})
			for _, c := range all {
				t.Run(c.file+"/"+c.title, func(t *testing.T) {
					t.Parallel()
					var runs sync.WaitGroup
					for name, cut := range cuttings {
						runs.Go(func() {
							if err := c.run(dial[c.app], cut); err != nil {
								t.Errorf("cut %s: %v", name, err)
							}
						})
					}
					runs.Wait()
				})
			}
		})
	}
}

// TestConformanceCuts cuts every conversation in two at every offset.
func TestConformanceCuts(t *testing.T) {
	all := readCorpus(t)
	dial := startApps(t, engine.Threaded, func() (net.Listener, func() (net.Conn, error)) {
		ln := newPipeListener()
		return ln, ln.dial
	})
	for _, c := range all {
		t.Run(c.file+"/"+c.title, func(t *testing.T) {
			t.Parallel()
			longest := 0
			for _, s := range c.steps {
				longest = max(longest, len(s.send))
			}
			step := max(1, longest/150)
			var runs sync.WaitGroup
			for at := 1; at < longest; at += step {
				runs.Go(func() {
					err := c.run(dial[c.app], func(b []byte) [][]byte {
						return [][]byte{b[:min(at, len(b))], b[min(at, len(b)):]}
					})
					if err != nil {
						t.Errorf("cut at %d: %v", at, err)
					}
				})
			}
			runs.Wait()
		})
	}
}

func readCorpus(t *testing.T) []*conversation {
	files, err := filepath.Glob("testdata/conformance/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all []*conversation
	titles := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		some, err := parseConversations(strings.TrimSuffix(filepath.Base(file), ".txt"), string(text))
		require.NoError(t, err)
		for _, c := range some {
			require.False(t, titles[c.file+c.title], "%s: title %q is used twice", c.file, c.title)
			titles[c.file+c.title] = true
			require.NotEmpty(t, c.steps, "%s: %q says nothing", c.file, c.title)
		}
		all = append(all, some...)
	}
	return all
}

// startApps serves every app of the corpus and returns how to reach each.
func startApps(t *testing.T, kind engine.Kind, listen func() (net.Listener, func() (net.Conn, error))) map[string]func() (net.Conn, error) {
	dial := map[string]func() (net.Conn, error){}
	for name, build := range corpusApps {
		app := build().Engine(kind)
		require.NoError(t, app.Build())
		ln, d := listen()
		dial[name] = d
		served := make(chan error, 1)
		go func() { served <- app.Serve(ln) }()
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			require.NoError(t, app.Shutdown(ctx))
			require.NoError(t, <-served)
		})
	}
	return dial
}

// pipeListener is a listener whose connections are pipes: what is written
// apart is read apart.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) dial() (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }
