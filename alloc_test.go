//go:build !race

package wherry

import (
	"testing"

	"github.com/stretchr/testify/require"
)

var okBytes = []byte("ok")

// TestAllocations holds the promises of Context about memory. The race
// detector allocates on its own account, so it does not run under it.
func TestAllocations(t *testing.T) {
	unpoisoned(t)
	app := plainApp()
	app.Get("/context", func(c *Context) error {
		c.SetHeader("X-A", "1")
		return c.Bytes(200, "text/plain", okBytes)
	})
	page := make([]byte, 15<<10)
	app.Get("/page", func(c *Context) error { return c.Bytes(200, "text/plain", page) })
	text := string(make([]byte, 100<<10))
	app.Get("/text", func(c *Context) error { return c.Text(200, text) })
	for _, test := range []struct {
		name, request string
		most          float64
	}{
		{"plain GET", plainRequest, 0},
		{"parameter read", paramRequest, 1},
		{"field and bytes", "GET /context HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		{"sixteen pipelined", repeat(plainRequest, 16), 0},
		{"sixty-four pipelined", repeat(plainRequest, 64), 0},
		{"15 KB of bytes", "GET /page HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		{"two of them", repeat("GET /page HTTP/1.1\r\nHost: x\r\n\r\n", 2), 0},
		{"100 KB of text", "GET /text HTTP/1.1\r\nHost: x\r\n\r\n", 0},
	} {
		serve := scripted(t, app, test.request)
		for range 100 { // let buffers find their size
			serve()
		}
		require.LessOrEqual(t, testing.AllocsPerRun(1000, serve), test.most, test.name)
	}
}

func repeat(s string, n int) string {
	out := ""
	for range n {
		out += s
	}
	return out
}
