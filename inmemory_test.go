package wherry_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
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
	app.Get("/drop", func(*wherry.Context) error { return wherry.ErrDrop })
	for raw, told := range map[string]string{
		get("/") + get("/"): "2 answers to one request", get("/drop"): "0 answers to one request", "GET / HT": "no end",
	} {
		_, err = app.TestRequest(rawRequest{raw, nil})
		require.ErrorContains(t, err, told)
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

// TestIncompleteHeads: bytes that end before a head does are no success
// without an answer. What is no head is none that lacks an end.
func TestIncompleteHeads(t *testing.T) {
	hijack := func(c *wherry.Context) error {
		conn, _, err := c.Hijack()
		if err != nil {
			return err
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		return conn.Close()
	}
	app := func() *wherry.App {
		return quiet().Get("/", text("hello")).Post("/", text("posted")).Get("/raw", hijack).
			Get("/drop", func(*wherry.Context) error { return wherry.ErrDrop })
	}
	for _, test := range []struct {
		raw     string
		answers int
		told    string
	}{
		{"", 0, `the head of request 1 has no end; a head is CRLF between its lines and an empty line: ""`},
		{"\r\n", 0, "the head of request 1 has no end"},
		{"GET / HTTP/1.1\r\nHost: x\r\n", 0, `"GET / HTTP/1.1\r\nHost: x\r\n"`},
		{get("/") + "GET /", 1, "the head of request 2 has no end"},
		{get("/") + get("/") + "\r\nGET /", 2, "the head of request 3 has no end"},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nabcdef", 1, `"cdef"`},

		{get("/") + "\r\n", 1, ""},
		{"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nwhat", 1, ""},
		{"GET /raw HTTP/1.1\r\nHost: x\r\n\r\nanother protocol", 1, ""},
		{get("/drop") + "GET /", 0, ""},
		{"GET  /\r\n\r\n", 1, ""},
		{"GET / HTTP/1.1\r\nBad Name: x\r\n", 1, ""},
	} {
		answers, err := app().Test(test.raw)
		require.Len(t, answers, test.answers, "%q", test.raw)
		if test.told == "" {
			require.NoError(t, err, "%q", test.raw)
			continue
		}
		require.ErrorContains(t, err, test.told, "%q", test.raw)
	}
}

// TestCutAnswers: of an answer without an end there is what has come, in
// memory and over a port.
func TestCutAnswers(t *testing.T) {
	for raw, want := range map[string]wherry.TestResponse{
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc":                        {Status: 200, Body: []byte("abc")},
		"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n": {Status: 201, Body: []byte("abc")},
		"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200":                           {Interim: []int{103}},
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
		check := func(answers []*wherry.TestResponse, err error) {
			t.Helper()
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.ErrorContains(t, err, "wherry: the answer is cut")
			require.Len(t, answers, 1)
			require.Equal(t, want.Status, answers[0].Status)
			require.Equal(t, want.Interim, answers[0].Interim)
			require.Equal(t, string(want.Body), string(answers[0].Body))
			require.Empty(t, answers[0].Headers.Get("X"))
			require.Empty(t, answers[0].Trailers.Get("X"))
		}
		check(build().Test(get("/")))
		check(build().TestOn(engine.Threaded, get("/")))
		answer, err := build().TestRequest(rawRequest{get("/"), nil})
		check([]*wherry.TestResponse{answer}, err)
	}
}

// TestAnswerAsText: a failed test shows what came.
func TestAnswerAsText(t *testing.T) {
	long := strings.Repeat("x", 1023) + "ü"
	app := quiet().
		Get("/", func(c *wherry.Context) error {
			if err := c.Interim(103); err != nil {
				return err
			}
			c.SetHeader("X-A", "b")
			c.SetTrailer("X-Sum", "7")
			_, err := io.WriteString(c, "hello")
			return err
		}).
		Get("/long", text(long)).
		Get("/bytes", func(c *wherry.Context) error { return c.Bytes(200, "a/b", []byte{0xff, 'a'}) })
	shown := func(path string) string {
		answers, err := app.Test(get(path))
		require.NoError(t, err)
		return fmt.Sprint(answers)
	}
	require.Regexp(t, `^\[103\n200\n(.*\n)*X-A: b\n(.*\n)*\nhello\nX-Sum: 7\n\]$`, shown("/"))
	require.Contains(t, shown("/long"), "\n"+strings.Repeat("x", 1023)+"\n(1025 bytes in all)\n")
	require.Contains(t, shown("/bytes"), "\n"+`"\xffa"`+"\n")
	require.Equal(t, "<nil>", (*wherry.TestResponse)(nil).String())
	require.Equal(t, "204\n", (&wherry.TestResponse{Status: 204}).String())
}

// failures is a test that only takes notes.
type failures struct {
	told []string
	ends []func()
}

func (f *failures) Helper()                      {}
func (f *failures) Cleanup(end func())           { f.ends = append(f.ends, end) }
func (f *failures) Errorf(s string, args ...any) { f.told = append(f.told, fmt.Sprintf(s, args...)) }
func (f *failures) Fatalf(s string, args ...any) { f.Errorf(s, args...); runtime.Goexit() }
func (f *failures) run(test func()) (told string) {
	ended := make(chan struct{})
	go func() { defer close(ended); test() }()
	<-ended
	for _, end := range f.ends {
		end()
	}
	return strings.Join(f.told, "\n")
}

// TestTestURL: the app is there until the test has ended, and a test of one
// that cannot be served fails.
func TestTestURL(t *testing.T) {
	f, url := &failures{}, ""
	require.Empty(t, f.run(func() {
		url = quiet().Get("/", text("hello")).TestURL(f)
		answer, err := http.Get(url + "/")
		if err != nil {
			f.Fatalf("%v", err)
		}
		if content, err := io.ReadAll(answer.Body); err != nil || string(content) != "hello" {
			f.Fatalf("%q %v", content, err)
		}
		_ = answer.Body.Close()
	}))
	_, err := http.Get(url + "/")
	require.Error(t, err)
	http.DefaultClient.CloseIdleConnections()

	f = &failures{}
	require.Contains(t, f.run(func() { quiet().Get("no slash", text("")).TestURL(f) }), "no slash")
	f = &failures{}
	app := quiet()
	require.NoError(t, app.Shutdown(t.Context()))
	require.Contains(t, f.run(func() { app.TestURL(f) }), "was shut down")
}
