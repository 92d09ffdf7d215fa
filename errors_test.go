package wherry_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

func TestErrors(t *testing.T) {
	app := quiet()
	detailed := &wherry.Error{Status: 409, Type: "https://x/taken", Title: "Taken", Detail: "It is taken.",
		Errors: []wherry.FieldError{{Pointer: "#/a", Detail: "no"}}, Err: errors.New("internal")}
	app.Get("/detailed", func(*wherry.Context) error { return fmt.Errorf("wrapped: %w", detailed) })
	app.Get("/odd", func(*wherry.Context) error { return &wherry.Error{Status: 7} })
	app.Get("/fields", func(c *wherry.Context) error {
		c.SetHeader("Access-Control-Allow-Origin", "https://x")
		c.SetHeader("ETag", `"1"`)
		c.SetTrailer("X-T", "1")
		_ = c.Text(200, "was prepared")
		return detailed
	})
	r := ask(t, app, get("/detailed"))
	require.Equal(t, 409, r.Status)
	require.JSONEq(t, `{"type":"https://x/taken","title":"Taken","status":409,"detail":"It is taken.","errors":[{"pointer":"#/a","detail":"no"}]}`, string(r.Body))
	require.Equal(t, 500, ask(t, app, get("/odd")).Status)
	r = ask(t, app, "GET /detailed HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n\r\n")
	require.Equal(t, "Taken: It is taken.\n", string(r.Body))
	r = ask(t, app, get("/fields"))
	require.Equal(t, "https://x", r.Headers.Get("access-control-allow-origin"))
	require.False(t, r.Headers.Has("ETag"))
	require.Equal(t, "409 Taken: It is taken.: internal", detailed.Error())
	require.Equal(t, 409, wherry.StatusOf(fmt.Errorf("x: %w", detailed)))
	require.Equal(t, 500, wherry.StatusOf(errors.New("x")))
	require.Equal(t, 200, wherry.StatusOf(nil))
	require.Equal(t, 418, wherry.StatusOf(teapot{}))
	require.Equal(t, 404, wherry.NewError(404, "x").StatusCode())
}

type teapot struct{}

func (teapot) Error() string   { return "teapot" }
func (teapot) StatusCode() int { return 418 }

func TestErrorHandler(t *testing.T) {
	calls := 0
	app := quiet().Get("/", func(*wherry.Context) error { return errors.New("x") })
	app.ErrorHandler(func(c *wherry.Context, err error) {
		calls++
		_ = c.Text(599, "own: "+err.Error())
	})
	r := ask(t, app, get("/"))
	require.Equal(t, 599, r.Status)
	require.Equal(t, "own: x", string(r.Body))
	require.Equal(t, 1, calls)
	failing := quiet().Get("/", func(*wherry.Context) error { return errors.New("x") })
	failing.ErrorHandler(func(*wherry.Context, error) { panic("in the error handler") })
	require.Equal(t, 500, ask(t, failing, get("/")).Status)
}
