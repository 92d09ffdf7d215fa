//go:build unix

package main_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"wherry.example/wherry/engine"
)

// runToEnd runs the program until it ends by itself.
func runToEnd(t *testing.T, env []string, args ...string) (code int, output string) {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func TestBadStart(t *testing.T) {
	busy := start(t, engine.Auto).addr
	for _, tt := range []struct {
		name string
		env  []string
		args []string
		code int
		want string
	}{
		{"no keys", []string{"TASKS_RATE=x"}, nil, 2, "\n  TASKS_KEYS: has no keys;"},
		{"origin", append([]string{"TASKS_ORIGINS=pages.example"}, environment...), []string{"-addr", "127.0.0.1:0"}, 1, "CORS: "},
		{"engine", environment, []string{"-addr", "127.0.0.1:0", "-engine", "steam"}, 1, "steam"},
		{"address", environment, []string{"-addr", busy}, 1, "address already in use"},
		{"address for operators", append([]string{"TASKS_OPS_ADDR=" + busy}, environment...), []string{"-addr", "127.0.0.1:0"}, 1, "address already in use"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, output := runToEnd(t, tt.env, tt.args...)
			require.Equal(t, tt.code, code, output)
			require.Contains(t, output, tt.want)
			require.NotContains(t, output, key)
		})
	}
}

func TestOperators(t *testing.T) {
	i := start(t, engine.Auto, "TASKS_OPS_ADDR=127.0.0.1:0", "TASKS_SHUTDOWN_DELAY=5s")
	ops := i.answering(t, "GET /metrics")
	require.Equal(t, 404, ask(i.addr, "GET /metrics"), "not for the world")
	i.end(t)
	require.Eventually(t, func() bool { return ask(i.addr, "GET /readyz") == 503 }, patience, time.Millisecond)
	require.Equal(t, 200, ask(ops, "GET /metrics"), "they can watch it drain")
	i.await(t, map[string]int{})
	require.Zero(t, ask(ops, "GET /metrics"))
	log, err := os.ReadFile(i.log)
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(log), "wherry: listening"))
}
