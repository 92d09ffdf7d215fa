package wherry

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/internal/http1"
)

// Rules of building an app, of bodies and of answers that no conversation can
// show.

func nothing(*Context) error { return nil }

// TestMethodsRegister: each registering method means its own.
func TestMethodsRegister(t *testing.T) {
	app := New()
	app.Get("/", nothing).Head("/", nothing).Post("/", nothing).Put("/", nothing).Patch("/", nothing)
	app.Delete("/", nothing).Options("/", nothing).Handle("PURGE", "/", nothing)
	var methods []string
	for _, r := range app.Routes() {
		methods = append(methods, r.Method)
	}
	require.Equal(t, "GET HEAD POST PUT PATCH DELETE OPTIONS PURGE", strings.Join(methods, " "))
}

// TestMannerOfRoutes: Blocking and Inline reach the route they were given to.
func TestMannerOfRoutes(t *testing.T) {
	app := New().Get("/a", nothing).Get("/b", nothing, Blocking()).Get("/c", nothing, Inline())
	require.NoError(t, app.Build())
	var manners []manner
	for _, r := range app.server.routes {
		manners = append(manners, r.pace.manner)
	}
	require.Equal(t, []manner{mannerLearned, mannerBlocking, mannerInline}, manners)
}

// TestLongMethod: one that no request can have is a mistake.
func TestLongMethod(t *testing.T) {
	require.NoError(t, New().Handle(strings.Repeat("A", http1.MaxMethod), "/", nothing).Build())
	require.ErrorContains(t, New().Handle(strings.Repeat("A", http1.MaxMethod+1), "/", nothing).Build(), "is no method")
}

// TestMountBelowHost: the routes of a mounted app belong to the host of the
// group that mounts it, and to those that they name themselves.
func TestMountBelowHost(t *testing.T) {
	inner := New().Get("/plain", nothing)
	inner.Host("own.example", func(g *Group) { g.Get("/own", nothing) })
	middle := New().Mount("/in", inner)
	app := New()
	app.Host("outer.example", func(g *Group) { g.Mount("/m", middle) })
	hosts := map[string]string{}
	for _, r := range app.Routes() {
		hosts[r.Pattern] = r.Host
	}
	require.Equal(t, map[string]string{"/m/in/plain": "outer.example", "/m/in/own": "own.example"}, hosts)
}

// leaking goes on behind its end.
type leaking struct{ reads int }

func (l *leaking) Read(p []byte) (int, error) {
	if l.reads++; l.reads%2 == 0 {
		return 0, io.EOF
	}
	return copy(p, "part "), nil
}

// TestReplacedBodyEnds: the end of a body is its end, also if the reader that
// replaces it thinks otherwise; and what it reads from is of no use later.
func TestReplacedBodyEnds(t *testing.T) {
	var original io.Reader
	app := New().Post("/", func(c *Context) error {
		c.ReplaceBody(func(r io.Reader) io.Reader { original = r; return &leaking{} })
		content, err := io.ReadAll(c.Body())
		require.NoError(t, err)
		require.Equal(t, "part ", string(content))
		n, err := c.Body().Read(make([]byte, 9))
		require.Equal(t, io.EOF, err)
		require.Zero(t, n)
		return nil
	})
	answers, err := app.Test("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
	require.NoError(t, err)
	require.Len(t, answers, 1)
	_, err = original.Read(make([]byte, 1))
	require.ErrorIs(t, err, errBodyLate)
}

// TestAnswerTwice: no method of a whole answer begins another one behind a
// head that has left.
func TestAnswerTwice(t *testing.T) {
	for name, again := range map[string]func(c *Context) error{
		"Text":      func(c *Context) error { return c.Text(200, "a") },
		"HTML":      func(c *Context) error { return c.HTML(200, "a") },
		"Bytes":     func(c *Context) error { return c.Bytes(200, "a/b", []byte("a")) },
		"JSON":      func(c *Context) error { return c.JSON(200, 1) },
		"NoContent": func(c *Context) error { return c.NoContent() },
		"Redirect":  func(c *Context) error { return c.Redirect(302, "/") },
		"Stream":    func(c *Context) error { return c.Stream(200, "a/b", strings.NewReader("a")) },
	} {
		var told error
		calls, err := answerOn(t, &recordingWire{}, wireGet, func(c *Context) error {
			_ = c.Flush()
			told = again(c)
			return nil
		})
		require.NoError(t, err)
		require.ErrorContains(t, told, "already begun", name)
		require.Equal(t, "begin 200 -1, flush, end", calls, name)
	}
}

// TestStreamIsGathered: many small writes are not many small sends.
func TestStreamIsGathered(t *testing.T) {
	calls, err := answerOn(t, &recordingWire{}, wireGet, func(c *Context) error {
		for range 1000 {
			_, _ = c.Write(make([]byte, 50))
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, "begin 200 -1, send, send, send, send, end", calls)
}

// TestRunEnds: Run ends without an error when a hook has stopped the last
// listener, and with that of a listener that fails.
func TestRunEnds(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	app := New().Logger(slog.New(slog.DiscardHandler)).OnConnect(func(*Conn) error { return ErrStopAccepting })
	ended := make(chan error, 1)
	go func() { ended <- app.Run(context.Background(), "unix:"+socket) }()
	require.Eventually(t, func() bool {
		client, err := net.Dial("unix", socket)
		if err == nil {
			_ = client.Close()
		}
		return err == nil
	}, 30*time.Second, time.Millisecond)
	require.NoError(t, <-ended)
	require.NoFileExists(t, socket, "its listener is closed")
	require.ErrorContains(t, app.Run(context.Background(), "unix:"+socket, "127.0.0.1:0"), "was shut down")
	require.NoFileExists(t, socket)
}

// TestParamBeforeRouting: there is none.
func TestParamBeforeRouting(t *testing.T) {
	var told error
	app := New().Logger(slog.New(slog.DiscardHandler)).Get("/:id", nothing)
	app.BeforeRouting(func(c *Context) error { _, told = Param[int](c, "id"); return nil })
	_, err := app.Test("GET /7 HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.Error(t, told)
	require.Equal(t, 500, StatusOf(told), "a mistake of the program")
}

// TestFilePathWithoutRoute: a path that no route has taken leads to no file.
func TestFilePathWithoutRoute(t *testing.T) {
	app := New().Get("/", nothing).NotFound(func(c *Context) error {
		name, _ := FilePath(c)
		require.NotContains(t, name, "etc")
		return c.NoContent()
	})
	answers, err := app.Test("GET /etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.Equal(t, 204, answers[0].Status)
}

// TestWeightWithoutDigits: a weight is 0 or 1 with up to three digits.
func TestWeightWithoutDigits(t *testing.T) {
	for _, wrong := range []string{"0.x", "0.1x", "0.1.", "x", "1.001", "2", "0.1234", ""} {
		_, ok := parseWeight(wrong)
		require.False(t, ok, wrong)
	}
}

// TestBindImpossible: the plan of a type that nothing can fill is the
// program's mistake, told once it is bound and in full.
func TestBindImpossible(t *testing.T) {
	_, err := bound(t, Bind[func()], request("POST", "/7", ""))
	require.ErrorContains(t, err, "cannot be read from JSON")
	require.Equal(t, 500, StatusOf(err))
	for name, plan := range map[string]func() error{
		"a tag below the body": planErr[struct {
			Body struct {
				A string `Path:"a"`
			} `body:""`
		}],
		"a tag of an embedded struct": planErr[struct{ wrongInside }],
		"a tag far below":             planErr[[]struct{ A []wrongCase }],
		"a tag without a name": planErr[struct {
			A string `form:""`
		}],
		"a name without a tag": planErr[struct{ twoSources }],
		"a form's field, by its value": planErr[struct {
			A func() `form:"a"`
		}],
	} {
		err := plan()
		require.ErrorContains(t, err, "wherry: a request cannot fill ", name)
	}
}

type (
	wrongCase struct {
		A string `Query:"a"`
	}
	wrongInside struct{ wrongCase }
	twoSources  struct {
		A string `query:"a" path:"a"`
	}
)

// TestFormsThatFail: a form whose parts end too early or have no boundary is
// a mistake of the client.
func TestFormsThatFail(t *testing.T) {
	type in struct {
		A string `form:"a"`
	}
	const part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nabc"
	for _, tt := range []struct {
		kind, content string
		status        int
	}{
		{"multipart/form-data; boundary=b", part + "\r\n--b--\r\n", 0},
		{"multipart/form-data; boundary=b", part, 400},
		{"multipart/form-data; boundary=b", part[:20], 400},
		{"multipart/form-data; boundary=b", "--b\r\nno colon\r\n\r\n", 400},
		{"multipart/form-data; boundary=b", "", 400},
		{"multipart/form-data", part, 400},
		{`multipart/form-data; boundary=""`, part, 400},
		{`multipart/form-data; boundary="a\tb"`, part, 400},
	} {
		_, err := bound(t, Bind[in], request("POST", "/7", tt.content, "Content-Type: "+tt.kind))
		if tt.status == 0 {
			require.NoError(t, err)
			continue
		}
		require.Error(t, err, "%s %q", tt.kind, tt.content)
		require.Equal(t, tt.status, StatusOf(err), "%s %q: %v", tt.kind, tt.content, err)
	}
}

// Times is embedded by a pointer.
type Times struct {
	At time.Time `json:"at"`
}

// TestRefusedValuePlaces: the place of a value that refuses its text is told
// through an embedded pointer; a key that refuses has none.
func TestRefusedValuePlaces(t *testing.T) {
	type in struct {
		*Times
		Ports map[netip.Addr]int `json:"ports"`
	}
	for content, want := range map[string]string{`{"at":"noon"}`: `"#/at"`, `{"ports":{"nowhere":1}}`: ""} {
		answer := answerTo(t, "/:id", func(c *Context) error { _, err := Bind[in](c); return err }, request("POST", "/7", content, asJSON))
		require.Equal(t, 400, answer.Status, "%s", answer.Body)
		require.Contains(t, string(answer.Body), want)
		require.Equal(t, want != "", strings.Contains(string(answer.Body), "#/"), "%s", answer.Body)
	}
}

// TestNothingComesAfterBuild: what is set later would never hold.
func TestNothingComesAfterBuild(t *testing.T) {
	app := New()
	require.NoError(t, app.Build())
	for name, late := range map[string]func(){
		"Limits":        func() { app.Limits(Limits{}) },
		"Timeouts":      func() { app.Timeouts(Timeouts{}) },
		"Logger":        func() { app.Logger(nil) },
		"JSON":          func() { app.JSON(nil) },
		"NotFound":      func() { app.NotFound(nil) },
		"ErrorHandler":  func() { app.ErrorHandler(nil) },
		"OnConnect":     func() { app.OnConnect(nil) },
		"OnDisconnect":  func() { app.OnDisconnect(nil) },
		"BeforeRouting": func() { app.BeforeRouting(nil) },
		"AfterResponse": func() { app.AfterResponse(nil) },
		"OnShutdown":    func() { app.OnShutdown(nil) },
		"Engine":        func() { app.Engine("threaded") },
		"Use":           func() { app.Use() },
		"Mount":         func() { app.Mount("/sub", New()) },
		"GET /late":     func() { app.Get("/late", nil) },
	} {
		func() {
			defer func() {
				said, _ := recover().(string)
				require.Contains(t, said, "wherry: "+name+" comes after the app was built, at ")
				require.Contains(t, said, "rules_test.go:")
			}()
			late()
		}()
	}
	app = New().Get("/", nothing)
	_, err := app.Test("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	_, err = app.TestOn("threaded", "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err, "a test may still choose the engine")
	_, err = New().Get("/", nothing).TestOn("steam")
	require.ErrorContains(t, err, "cannot be built:\nEngine: ")
	require.ErrorContains(t, err, `"steam"`)
}
