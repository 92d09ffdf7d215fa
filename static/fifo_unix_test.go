//go:build unix

package static_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// makeFifo makes a named pipe without a writer: to open it would wait.
func makeFifo(t *testing.T, file string) {
	t.Helper()
	require.NoError(t, unix.Mkfifo(file, 0o644))
}
