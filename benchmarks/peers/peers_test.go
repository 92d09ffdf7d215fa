package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/benchmarks/internal/workloads"
	"wherry.example/wherry/benchmarks/routes"
)

// TestTables keeps the table of servers equal to that of the runs.
func TestTables(t *testing.T) {
	known := map[string]bool{"nginx": true, "limit": true} // not written in Go
	for _, p := range all {
		known[p.name] = true
	}
	left := maps.Clone(known)
	for _, s := range workloads.Servers {
		if name, bare := strings.CutSuffix(s.Name, workloads.Bare); bare {
			require.Contains(t, known, name)
			continue
		}
		require.True(t, known[s.Name], s.Name)
		delete(left, s.Name)
	}
	require.Empty(t, left)
}

func TestArticle(t *testing.T) {
	raw, err := json.Marshal(newArticle())
	require.NoError(t, err)
	require.InDelta(t, 3000, len(raw), 400)
}

// TestWherry asks ours for everything but the stream.
func TestWherry(t *testing.T) {
	app := wherryApp(options{routes: routes.GitHub(), middlewares: 5, files: t.TempDir()})
	for _, r := range routes.GitHub() {
		got, err := app.Test(r.Method + " " + r.Path() + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		require.NoError(t, err)
		require.Equal(t, 200, got[0].Status, r)
		want := r.Pattern
		if r.Last() != "" {
			want = "x" + r.Last()
		}
		require.Equal(t, want, string(got[0].Body))
	}
	got, err := app.Test("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
	require.NoError(t, err)
	require.Equal(t, "5", string(got[0].Body))
	got, err = app.Test("GET /json HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(got[0].Body, []byte(`{"id":4711`)))
	got, err = app.Test("GET / HTTP/1.1\r\nHost: x\r\nX-Stop: 1\r\n\r\n")
	require.NoError(t, err)
	require.Equal(t, 403, got[0].Status)
}
