package compress_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/contrib/compress"
	"wherry.example/wherry/middleware"
)

var long = strings.Repeat("All work and no play makes Jack a dull boy. ", 1000)

func answer(t *testing.T, app *wherry.App, accept string) *wherry.TestResponse {
	t.Helper()
	answers, err := app.Test("GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: " + accept + "\r\n\r\n")
	require.NoError(t, err)
	require.Len(t, answers, 1)
	return answers[0]
}

func decoded(t *testing.T, a *wherry.TestResponse) string {
	t.Helper()
	var r io.Reader
	switch coding := a.Headers.Get("Content-Encoding"); coding {
	case "br":
		r = brotli.NewReader(bytes.NewReader(a.Body))
	case "zstd":
		// As a browser: no window beyond 8 MiB.
		d, err := zstd.NewReader(bytes.NewReader(a.Body), zstd.WithDecoderMaxWindow(8<<20))
		require.NoError(t, err)
		defer d.Close()
		r = d
	default:
		require.Fail(t, "another coding", coding)
	}
	plain, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(plain)
}

func TestCodings(t *testing.T) {
	app := wherry.New().
		Use(middleware.Compress(middleware.CompressOptions{Codings: compress.All()})).
		Get("/", func(c *wherry.Context) error { return c.Text(200, long) })
	for accept, want := range map[string]string{
		"br": "br", "zstd": "zstd", "gzip": "gzip", "gzip, deflate, br, zstd": "zstd", "gzip, br": "br", "zstd;q=0.1, gzip": "gzip",
	} {
		for range 2 { // the second time with the encoder of the first
			got := answer(t, app, accept)
			require.Equal(t, want, got.Headers.Get("Content-Encoding"), accept)
			require.Equal(t, "Accept-Encoding", got.Headers.Get("Vary"))
			require.Less(t, len(got.Body), len(long)/10, accept)
			if want != "gzip" {
				require.Equal(t, long, decoded(t, got))
			}
		}
	}
}

// What was flushed can be decoded although the end is missing.
func TestFlush(t *testing.T) {
	for _, coding := range []middleware.Coding{compress.Brotli(4), compress.Zstd(zstd.SpeedDefault)} {
		var out bytes.Buffer
		e := coding.New(&out)
		for i := range 3 {
			_, err := io.WriteString(e, "piece\n")
			require.NoError(t, err)
			require.NoError(t, e.Flush())

			var r io.Reader = brotli.NewReader(bytes.NewReader(out.Bytes()))
			if coding.Name == "zstd" {
				d, err := zstd.NewReader(bytes.NewReader(out.Bytes()))
				require.NoError(t, err)
				defer d.Close()
				r = d
			}
			got := make([]byte, 6*(i+1))
			_, err = io.ReadFull(r, got)
			require.NoError(t, err, coding.Name)
			require.Equal(t, strings.Repeat("piece\n", i+1), string(got))
		}
		require.NoError(t, e.Close())
	}
}

func TestMistakesAreReported(t *testing.T) {
	for want, coding := range map[string]middleware.Coding{
		"br at quality 12":  compress.Brotli(12),
		"br at quality -1":  compress.Brotli(-1),
		"zstd at level 100": compress.Zstd(100),
	} {
		err := wherry.New().
			Use(middleware.Compress(middleware.CompressOptions{Codings: []middleware.Coding{coding}})).
			Get("/", func(*wherry.Context) error { return nil }).Build()
		require.ErrorContains(t, err, want)
	}
}
