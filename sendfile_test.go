package wherry_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// TestReadFrom: a file arrives whole, in part, from where it stands, and not
// for HEAD, on every engine, with and without a declared length.
func TestReadFrom(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 300<<10/16)
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, content, 0o600))
	send := func(from, declared int64, copy func(c *wherry.Context, f *os.File) error) wherry.Handler {
		return func(c *wherry.Context) error {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			if _, err := f.Seek(from, io.SeekStart); err != nil {
				return err
			}
			if declared >= 0 {
				c.SetHeader("Content-Length", strconv.FormatInt(declared, 10))
			}
			return copy(c, f)
		}
	}
	all := func(c *wherry.Context, f *os.File) error { _, err := io.Copy(c, f); return err }
	part := func(n int64) func(*wherry.Context, *os.File) error {
		return func(c *wherry.Context, f *os.File) error {
			sent, err := io.CopyN(c, f, n)
			at, _ := f.Seek(0, io.SeekCurrent)
			if err == nil && (sent != n || at != 1000+n) {
				return fmt.Errorf("sent %d, file at %d", sent, at)
			}
			return err
		}
	}
	size := int64(len(content))
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			app := quiet()
			app.Get("/all", send(0, size, all))
			app.Get("/unknown", send(0, -1, all))
			app.Get("/part", send(1000, 200<<10, part(200<<10)))
			app.Get("/between", send(1000, 3+200<<10+3, func(c *wherry.Context, f *os.File) error {
				_, _ = c.WriteString("<")
				_, err := io.CopyN(c, f, 200<<10)
				_, _ = io.WriteString(c, ">")
				return err
			}))
			app.Get("/short", send(0, size+1, all))
			get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" }
			answers, err := app.TestOn(kind, get("/all"), get("/unknown"), get("/part"), "HEAD /all HTTP/1.1\r\nHost: x\r\n\r\n", get("/all"))
			require.NoError(t, err)
			require.True(t, bytes.Equal(content, answers[0].Body))
			require.True(t, bytes.Equal(content, answers[1].Body))
			require.True(t, bytes.Equal(content[1000:1000+200<<10], answers[2].Body))
			require.Empty(t, answers[3].Body)
			require.Equal(t, strconv.FormatInt(size, 10), answers[3].Headers.Get("Content-Length"))
			require.True(t, bytes.Equal(content, answers[4].Body))
			_, err = app.TestOn(kind, get("/short"))
			require.Error(t, err, "an answer that ends too early is no answer")
		})
	}
}
