package middleware_test

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func echo(c *wherry.Context) error {
	body, err := c.BodyBytes()
	if err != nil {
		return err
	}
	return c.Bytes(200, "text/plain", body)
}

func counted(n int) string {
	return "POST / HTTP/1.1\nContent-Length: " + strconv.Itoa(n) + "\n\n" + strings.Repeat("x", n)
}

func chunked(n int) string {
	return "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n" +
		strings.Repeat("1\r\nx\r\n", n) + "0\r\n\r\n"
}

func TestBodyLimit(t *testing.T) {
	app := wherry.New().Use(middleware.BodyLimit(8)).Post("/", echo)
	require.Equal(t, 200, answerTo(t, app, counted(8)).Status)
	require.Equal(t, 413, answerTo(t, app, counted(9)).Status)
	require.Equal(t, 200, answerTo(t, app, chunked(8)).Status)
	require.Equal(t, 413, answerTo(t, app, chunked(9)).Status)
}

// TestBodyLimitBeforeReading: a length that is declared is refused before the
// handler runs, and without asking the client for the content.
func TestBodyLimitBeforeReading(t *testing.T) {
	ran := false
	app := wherry.New().Use(middleware.BodyLimit(8)).Post("/", func(*wherry.Context) error { ran = true; return nil })
	answer := answerTo(t, app, "POST / HTTP/1.1\nContent-Length: 9\nExpect: 100-continue")
	require.Equal(t, 413, answer.Status)
	require.Empty(t, answer.Interim)
	require.Equal(t, "close", answer.Headers.Get("Connection"))
	require.False(t, ran)
}

// TestBodyLimitDecoded: what middleware inside decodes is counted too.
func TestBodyLimitDecoded(t *testing.T) {
	double := func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			c.ReplaceBody(func(r io.Reader) io.Reader {
				content, err := io.ReadAll(r)
				if err != nil {
					return iotestErr{err}
				}
				return strings.NewReader(strings.Repeat(string(content), 2))
			})
			return next(c)
		}
	}
	app := wherry.New().Use(middleware.BodyLimit(8), double).Post("/", echo)
	require.Equal(t, 200, answerTo(t, app, counted(4)).Status)
	require.Equal(t, 413, answerTo(t, app, counted(5)).Status)
	require.Equal(t, 413, answerTo(t, app, chunked(9)).Status, "counted before it is decoded")
}

type iotestErr struct{ err error }

func (e iotestErr) Read([]byte) (int, error) { return 0, e.err }

func TestBodyLimitMistakes(t *testing.T) {
	require.Contains(t, mistakeOf(t, middleware.BodyLimit(-2)), "BodyLimit(-2): give a positive number of bytes, 0 for Limits.Body, or NoLimit")
}

// TestBodyLimitNumbers: zero is the default of the app and NoLimit is none, as
// in wherry.Limits.
func TestBodyLimitNumbers(t *testing.T) {
	app := wherry.New().Limits(wherry.Limits{Body: 8}).Use(middleware.BodyLimit(4)).Post("/", echo)
	app.Group("/default", func(g *wherry.Group) { g.Use(middleware.BodyLimit(0)).Post("", echo) })
	app.Group("/none", func(g *wherry.Group) { g.Use(middleware.BodyLimit(wherry.NoLimit)).Post("", echo) })
	for path, sizes := range map[string][2]int{"/": {4, 5}, "/default": {8, 9}, "/none": {5000, -1}} {
		for i, status := range []int{200, 413} {
			if n := sizes[i]; n >= 0 {
				require.Equal(t, status, answerTo(t, app, strings.Replace(counted(n), "/", path, 1)).Status, "%s %d", path, n)
				require.Equal(t, status, answerTo(t, app, strings.Replace(chunked(n), "/", path, 1)).Status, "%s %d", path, n)
			}
		}
	}
}

func ExampleBodyLimit() {
	app := wherry.New().Group("/small", func(g *wherry.Group) {
		g.Use(middleware.BodyLimit(4))
		g.Post("", func(c *wherry.Context) error { return c.NoContent() })
	})
	answers, err := app.Test("POST /small HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello")
	if err != nil {
		panic(err)
	}
	fmt.Println(answers[0].Status)
	// Output: 413
}

// TestBodyLimitBelowRoute: the limit of a route is nearer, however the content
// is framed.
func TestBodyLimitBelowRoute(t *testing.T) {
	app := wherry.New().Use(middleware.BodyLimit(4))
	app.Post("/up", func(c *wherry.Context) error {
		content, err := c.BodyBytes()
		if err != nil {
			return err
		}
		return c.Text(200, string(content))
	}, wherry.BodyLimit(10))
	require.Equal(t, 200, answerTo(t, app, "POST /up HTTP/1.1\nContent-Length: 8\n\n12345678").Status)
	require.Equal(t, 200, answerTo(t, app, "POST /up HTTP/1.1\nTransfer-Encoding: chunked\n\n8\r\n12345678\r\n0\r\n\r\n").Status)
	require.Equal(t, 413, answerTo(t, app, "POST /up HTTP/1.1\nContent-Length: 11\n\n12345678901").Status)
}
