package wherry_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

func TestContextAfterReturn(t *testing.T) {
	var kept *wherry.Context
	var body io.Reader
	app := quiet().Post("/kept/:id", func(c *wherry.Context) error {
		kept, body = c, c.Body()
		return nil
	})
	ask(t, app, "POST /kept/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
	require.PanicsWithValue(t, "wherry: the Context of POST /kept/:id is used after its handler returned; copy what you need, or keep c.Context()",
		func() { kept.Method() })
	_, err := body.Read(make([]byte, 1))
	require.Error(t, err)
}

// TestEveryUseAfterReturnPanics: each method of a Context names the route
// that kept it too long.
func TestEveryUseAfterReturnPanics(t *testing.T) {
	key := wherry.NewKey[int]("n")
	var c *wherry.Context
	app := quiet().Get("/kept/:id", func(ctx *wherry.Context) error { c = ctx; key.Set(ctx, 1); return nil })
	ask(t, app, get("/kept/1"))
	for name, use := range map[string]func(){
		"Method": func() { c.Method() }, "SetMethod": func() { c.SetMethod("GET") }, "Target": func() { c.Target() }, "Path": func() { c.Path() },
		"RawPath": func() { c.RawPath() }, "SetPath": func() { c.SetPath("/") }, "Pattern": func() { c.Pattern() }, "Param": func() { c.Param("id") },
		"RawQuery": func() { c.RawQuery() }, "Host": func() { c.Host() }, "Proto": func() { c.Proto() }, "Headers": func() { c.Headers() },
		"Header": func() { c.Header("A") }, "HeaderBytes": func() { c.HeaderBytes("A") }, "RemoteAddr": func() { c.RemoteAddr() },
		"LocalAddr": func() { c.LocalAddr() }, "Conn": func() { c.Conn() }, "Body": func() { c.Body() }, "BodyBytes": func() { _, _ = c.BodyBytes() },
		"ContentLength": func() { c.ContentLength() }, "SetBodyLimit": func() { c.SetBodyLimit(1) }, "Trailers": func() { c.Trailers() },
		"Context": func() { c.Context() }, "SetContext": func() { c.SetContext(context.Background()) }, "URL": func() { _, _ = c.URL("x") },
		"Status": func() { c.Status(200) }, "StatusCode": func() { c.StatusCode() }, "ResponseHeaders": func() { c.ResponseHeaders() },
		"SetHeader": func() { c.SetHeader("A", "1") }, "AddHeader": func() { c.AddHeader("A", "1") }, "Vary": func() { c.Vary("A") },
		"Text": func() { _ = c.Text(200, "") }, "HTML": func() { _ = c.HTML(200, "") }, "Bytes": func() { _ = c.Bytes(200, "", nil) },
		"JSON": func() { _ = c.JSON(200, 1) }, "NoContent": func() { _ = c.NoContent() }, "Redirect": func() { _ = c.Redirect(302, "/") },
		"Stream": func() { _ = c.Stream(200, "", strings.NewReader("")) }, "SetTrailer": func() { c.SetTrailer("A", "1") },
		"Interim": func() { _ = c.Interim(103) }, "Write": func() { _, _ = c.Write(nil) }, "WriteString": func() { _, _ = c.WriteString("") },
		"Flush": func() { _ = c.Flush() }, "Committed": func() { c.Committed() }, "Hijack": func() { _, _, _ = c.Hijack() },
		"Accepts": func() { c.Accepts("json") }, "Key.Get": func() { key.Get(c) }, "Key.Set": func() { key.Set(c, 1) },
	} {
		require.PanicsWithValue(t, "wherry: the Context of GET /kept/:id is used after its handler returned; copy what you need, or keep c.Context()", use, name)
	}
}

// TestUseInOtherGoroutine: the usual way to keep a Context too long is a
// goroutine; what it should have kept goes on working.
func TestUseInOtherGoroutine(t *testing.T) {
	returned, value := make(chan struct{}), make(chan any, 2)
	app := quiet().Get("/job/:id", func(c *wherry.Context) error {
		id, ctx := c.Param("id"), c.Context() // the right way
		go func() {
			defer func() { value <- recover() }()
			<-returned
			value <- fmt.Sprint(id, " ", ctx.Err())
			c.Param("id") // the wrong one
		}()
		return nil
	})
	ask(t, app, get("/job/7"))
	close(returned)
	require.Equal(t, "7 context canceled", <-value)
	require.Contains(t, <-value, "GET /job/:id")
}

// TestBodyAfterReturn: a reader that was kept only fails, and takes nothing
// from the next request.
func TestBodyAfterReturn(t *testing.T) {
	var kept []io.Reader
	app := quiet().Post("/", func(c *wherry.Context) error {
		for _, r := range kept {
			n, err := r.Read(make([]byte, 10))
			require.Zero(t, n)
			require.ErrorContains(t, err, "after its handler returned")
		}
		kept = append(kept, c.Body())
		b, err := c.BodyBytes()
		require.Equal(t, "hello", string(b))
		return err
	})
	answers, err := app.Test(posted("", "hello") + posted("", "hello") + posted("", "hello"))
	require.NoError(t, err)
	for _, r := range answers {
		require.Equal(t, 200, r.Status)
	}
}
