package wherry_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

func TestHooks(t *testing.T) {
	var log []string
	app := quiet()
	app.OnConnect(func(c *wherry.Conn) error {
		c.SetTag("tag")
		log = append(log, fmt.Sprintf("connect %v %v", c.RemoteAddr(), c.LocalAddr()))
		return nil
	})
	app.OnDisconnect(func(c *wherry.Conn, cause error) {
		log = append(log, fmt.Sprintf("disconnect %v %d %v", c.Tag(), c.Requests(), cause))
	})
	app.AfterResponse(func(c *wherry.Context, r wherry.Result) {
		log = append(log, fmt.Sprintf("%s %d %d %v", c.Pattern(), r.Status, r.Bytes, r.Err))
		require.GreaterOrEqual(t, r.Duration, time.Duration(0))
	})
	app.Get("/", text("root"))
	app.Get("/fail", func(*wherry.Context) error { return errors.New("failure") })
	app.Get("/panic", func(*wherry.Context) error { panic("panic") })
	app.Get("/drop", func(*wherry.Context) error { return wherry.ErrDrop })
	app.Get("/late", func(c *wherry.Context) error {
		_, _ = c.Write([]byte("begun"))
		_ = c.Flush()
		return errors.New("late")
	})
	app.Head("/head", text("12345"))
	for _, test := range []struct{ request, want string }{
		{get("/") + get("/"), "/ 200 4 <nil>, / 200 4 <nil>, disconnect tag 2 <nil>"},
		{get("/fail"), "/fail 500 46 failure, disconnect tag 1 <nil>"},
		{get("/panic"), "/panic 500 46 panic: panic, disconnect tag 1 <nil>"},
		{get("/nowhere"), " 404 34 404 Not Found, disconnect tag 1 <nil>"},
		{get("/drop"), "/drop 0 0 wherry: connection dropped, disconnect tag 1 wherry: connection dropped"},
		{get("/late"), "/late 200 5 late, disconnect tag 1 late"},
		{"HEAD /head HTTP/1.1\r\nHost: x\r\n\r\n", "/head 200 0 <nil>, disconnect tag 1 <nil>"},
		{"GET / HTTP/1.1\r\n\r\n", "disconnect tag 0 http1: 400: Host is missing"},
		{"GET / HT", "disconnect tag 0 unexpected EOF"},
		{"", "disconnect tag 0 <nil>"},
	} {
		log = nil
		_, _ = app.Test(test.request)
		require.Equal(t, "connect memory memory, "+test.want, strings.Join(log, ", "), test.request)
	}
}

func TestRefusedConnection(t *testing.T) {
	var log []string
	app := quiet().Get("/", text(""))
	app.OnConnect(func(*wherry.Conn) error { log = append(log, "one"); return nil })
	app.OnConnect(func(*wherry.Conn) error { return errors.New("no") })
	app.OnConnect(func(*wherry.Conn) error { log = append(log, "never"); return nil })
	app.OnDisconnect(func(_ *wherry.Conn, cause error) { log = append(log, cause.Error()) })
	answers, err := app.Test(get("/"))
	require.NoError(t, err)
	require.Empty(t, answers)
	require.Equal(t, []string{"one", "no"}, log)
}

func TestHooksThatPanic(t *testing.T) {
	for name, hook := range map[string]func(*wherry.App){
		"BeforeRouting": func(a *wherry.App) { a.BeforeRouting(func(*wherry.Context) error { panic(1) }) },
		"AfterResponse": func(a *wherry.App) { a.AfterResponse(func(*wherry.Context, wherry.Result) { panic(1) }) },
		"OnDisconnect":  func(a *wherry.App) { a.OnDisconnect(func(*wherry.Conn, error) { panic(1) }) },
		"OnConnect":     func(a *wherry.App) { a.OnConnect(func(*wherry.Conn) error { panic(1) }) },
	} {
		app := quiet().Get("/", text(""))
		hook(app)
		ended := 0
		app.OnDisconnect(func(*wherry.Conn, error) { ended++ })
		answers, err := app.Test(get("/"))
		require.NoError(t, err, name)
		require.Equal(t, 1, ended, name)
		switch name {
		case "BeforeRouting":
			require.Equal(t, 500, answers[0].Status)
		case "OnConnect":
			require.Empty(t, answers)
		default:
			require.Equal(t, 200, answers[0].Status)
		}
	}
}

func TestStopAccepting(t *testing.T) {
	app := quiet().Get("/", text("")).OnConnect(func(*wherry.Conn) error { return wherry.ErrStopAccepting })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(ln) }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	require.NoError(t, <-served)
	require.NoError(t, conn.Close())
	require.NoError(t, app.Shutdown(context.Background()))
}
