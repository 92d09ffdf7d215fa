//go:build !race

package static_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/static"
)

// TestAllocations: a file from memory costs one allocation more than an answer
// that is already there: its name.
func TestAllocations(t *testing.T) {
	dir := tree(t, map[string]string{"dir/name.txt": "content"})
	count := func(h wherry.Handler) float64 {
		return testing.AllocsPerRun(1, func() {
			serveMany(t, appOf("/files/**", h), request("GET /files/dir/name.txt"), 2000)
		}) / 2000
	}
	most := count(func(c *wherry.Context) error {
		for _, name := range [...]string{"A", "B", "C", "D", "E"} {
			c.SetHeader(name, "value")
		}
		return c.Bytes(200, "text/plain", []byte("content"))
	})
	require.LessOrEqual(t, count(static.Dir(dir)), most+1.5)
}
