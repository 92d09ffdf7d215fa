package wherry

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What one answer may leave to the next, or to its own rest.

// TestRefusedTrailerIsForgotten: a trailer that was refused is no matter of the
// next answer that has the Context.
func TestRefusedTrailerIsForgotten(t *testing.T) {
	unpoisoned(t)
	app := New().
		Get("/bad", func(c *Context) error {
			c.SetTrailer("bad name", "x")
			return ErrDrop
		}).
		Get("/good", func(c *Context) error {
			c.SetTrailer("X-A", "x")
			return c.Text(200, "ok")
		})
	for range 10 { // the pool gives what it likes
		_, _ = app.Test("GET /bad HTTP/1.1\r\nHost: x\r\n\r\n")
		answers, err := app.Test("GET /good HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		require.Equal(t, 200, answers[0].Status)
	}
}

// TestWriteStringBehindNothing: content of no bytes is in nobody's way.
func TestWriteStringBehindNothing(t *testing.T) {
	for name, first := range map[string]func(c *Context){
		"JSON that fails": func(c *Context) { _ = c.JSON(200, make(chan int)) },
		"no bytes":        func(c *Context) { _ = c.Bytes(200, "text/plain", nil) },
		"Prepared":        func(c *Context) { _, _ = c.Prepared() },
	} {
		t.Run(name, func(t *testing.T) {
			app := New().Get("/", func(c *Context) error {
				first(c)
				if _, err := c.Status(200).WriteString("hello"); err != nil {
					return err
				}
				_, err := c.Write([]byte(" world"))
				return err
			})
			answers, err := app.Test("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			require.NoError(t, err)
			require.Equal(t, "hello world", string(answers[0].Body))
		})
	}
}
