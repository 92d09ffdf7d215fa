package wherry_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

func TestInMemory(t *testing.T) {
	app := quiet().Post("/", func(c *wherry.Context) error { return c.Stream(200, "a/b", c.Body()) })
	request, err := http.NewRequest("POST", "http://x/", strings.NewReader("hello"))
	require.NoError(t, err)
	r, err := app.TestRequest(request)
	require.NoError(t, err)
	require.Equal(t, "hello", string(r.Body))
	answers, err := app.TestOn(engine.Threaded, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nho\r\n0\r\n\r\n")
	require.NoError(t, err)
	require.Equal(t, "hi", string(answers[0].Body))
	require.Equal(t, "ho", string(answers[1].Body))
}

// rawRequest writes itself, or fails.
type rawRequest struct {
	raw string
	err error
}

func (r rawRequest) Write(w io.Writer) error {
	_, _ = io.WriteString(w, r.raw)
	return r.err
}

// TestInMemoryMistakes: what is not one request, and what is no app, is told.
func TestInMemoryMistakes(t *testing.T) {
	app := quiet().Get("/", text("hello"))
	broken := errors.New("it cannot be written")
	_, err := app.TestRequest(rawRequest{"", broken})
	require.ErrorIs(t, err, broken)
	for raw, answers := range map[string]string{get("/") + get("/"): "2 answers", "GET / HT": "0 answers"} {
		_, err = app.TestRequest(rawRequest{raw, nil})
		require.ErrorContains(t, err, answers+" to one request")
	}
	wrong := quiet().Get("no slash", text("hello"))
	_, err = wrong.TestRequest(rawRequest{get("/"), nil})
	require.Error(t, err)
	_, err = wrong.TestOn(engine.Threaded, get("/"))
	require.Error(t, err)
	answers, err := app.Test("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n" + get("/"))
	require.NoError(t, err)
	require.Len(t, answers, 1, "nothing behind a request without a clear end is one")
	require.Equal(t, 400, answers[0].Status)
}

// TestForeignAnswers: what a handler writes on a connection that it took is
// read as strictly as what the framework writes, in memory and over a port.
func TestForeignAnswers(t *testing.T) {
	for raw, want := range map[string]string{
		"HTTP/1.1 200 OK\r\n\r\nup to the end":                       "",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc":            "",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc":            "unexpected EOF",
		"HTTP/1.1 200 OK\r\n":                                        "unexpected EOF",
		"HTTP/1.1 200\r\n\r\n":                                       "status line",
		"HTTP/2.0 200 OK\r\n\r\n":                                    "status line",
		"HTTP/1.1 2000 OK\r\n\r\n":                                   "status line",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n":                        "field line",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n":               "no length",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n": "chunk",
	} {
		build := func() *wherry.App {
			return quiet().Get("/", func(c *wherry.Context) error {
				conn, _, err := c.Hijack()
				if err != nil {
					return err
				}
				_, _ = io.WriteString(conn, raw)
				return conn.Close()
			})
		}
		_, inMemory := build().Test(get("/"))
		_, onPort := build().TestOn(engine.Threaded, get("/"))
		if want == "" {
			require.NoError(t, inMemory, raw)
			require.NoError(t, onPort, raw)
			continue
		}
		require.ErrorContains(t, inMemory, want, raw)
		require.ErrorContains(t, onPort, want, raw)
	}
}

// TestHijackedInMemory: a connection whose sending side cannot be shut is
// closed instead.
func TestHijackedInMemory(t *testing.T) {
	gone := 0
	app := quiet().OnDisconnect(func(*wherry.Conn, error) { gone++ }).Get("/", func(c *wherry.Context) error {
		conn, _, err := c.Hijack()
		if err != nil {
			return err
		}
		return conn.(interface{ CloseWrite() error }).CloseWrite()
	})
	_, err := app.Test(get("/"))
	require.NoError(t, err)
	require.Equal(t, 1, gone)
}
