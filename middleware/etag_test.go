package middleware_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func TestETag(t *testing.T) {
	app := wherry.New().Use(middleware.ETag(middleware.ETagOptions{MaxBytes: 100})).
		Get("/", hello).Post("/", hello).
		Get("/json", func(c *wherry.Context) error { return c.JSON(200, "hello") }).
		Get("/own", func(c *wherry.Context) error { c.SetHeader("ETag", `"v,1"`); return hello(c) }).
		Get("/odd", func(c *wherry.Context) error { c.SetHeader("ETag", c.Header("X-Tag")); return hello(c) }).
		Get("/cookie", func(c *wherry.Context) error { c.SetHeader("Set-Cookie", "a=b"); return hello(c) }).
		Get("/secret", func(c *wherry.Context) error { c.SetHeader("Cache-Control", "private, No-Store"); return hello(c) }).
		Get("/made", func(c *wherry.Context) error { return c.Text(201, "hello") }).
		Get("/error", func(c *wherry.Context) error { return wherry.NewError(404, "no") }).
		Get("/stream", func(c *wherry.Context) error { _, _ = c.WriteString("hello"); return c.Flush() }).
		Get("/100", func(c *wherry.Context) error { return c.Text(200, strings.Repeat("x", 100)) }).
		Get("/101", func(c *wherry.Context) error { return c.Text(200, strings.Repeat("x", 101)) })
	tag := answerTo(t, app, "GET / HTTP/1.1").Headers.Get("ETag")
	require.Regexp(t, `^W/"[A-Za-z0-9_-]{22}"$`, tag)
	require.Equal(t, tag, answerTo(t, app, "HEAD / HTTP/1.1").Headers.Get("ETag"))
	require.NotEqual(t, tag, answerTo(t, app, "GET /json HTTP/1.1").Headers.Get("ETag"))
	for _, path := range []string{"/cookie", "/secret", "/made", "/error", "/stream", "/101"} {
		require.False(t, answerTo(t, app, "GET "+path+" HTTP/1.1\nIf-None-Match: *").Headers.Has("ETag"), path)
	}
	require.True(t, answerTo(t, app, "GET /100 HTTP/1.1").Headers.Has("ETag"))
	require.False(t, answerTo(t, app, "POST / HTTP/1.1").Headers.Has("ETag"))
	strong := strings.TrimPrefix(tag, "W/")
	for _, test := range []struct {
		target, field string
		status        int
	}{
		{"GET /", "If-None-Match: " + tag, 304},
		{"HEAD /", "If-None-Match: " + tag, 304},
		{"GET /", "If-None-Match: " + strong, 304}, // weak comparison
		{"GET /", `If-None-Match: "a", ` + tag + `, "b"`, 304},
		{"GET /", `If-None-Match: "a"` + "\nIf-None-Match: " + tag, 304},
		{"GET /", "If-None-Match: *", 304},
		{"GET /own", `If-None-Match: W/"v,1"`, 304},
		{"GET /", `If-None-Match: "a"`, 200},
		{"GET /", "If-None-Match: " + strings.Trim(strong, `"`), 200},
		{"GET /", `If-None-Match: "a` + tag, 200},
		{"GET /", "If-None-Match:", 200},
		{"GET /own", `If-None-Match: "v", "1"`, 200},
		{"GET /own", `If-Match: "v,1"`, 200},
		{"GET /own", `If-Match: "v,2"`, 412},
		{"GET /", "If-Match: *", 200},
		{"GET /", "If-Match: " + tag, 412}, // a weak tag is never equal
		{"GET /", "If-Match: " + strong, 412},
		{"GET /odd", "X-Tag: v1\nIf-None-Match: *", 200},
		{"GET /odd", "X-Tag: \"\nIf-None-Match: *", 200},
		{"GET /odd", "X-Tag: v\"1\"\nIf-None-Match: *", 200},
		{"GET /odd", "X-Tag: \"1\"v\nIf-None-Match: *", 200},
		{"GET /odd", "X-Tag: \"v\"1\"\nIf-None-Match: *", 200},
		{"GET /odd", "X-Tag: W/\"\"\nIf-None-Match: *", 304},
		{"POST /", "If-None-Match: *", 200},
		{"GET /made", "If-None-Match: *", 201},
	} {
		answer := answerTo(t, app, test.target+" HTTP/1.1\n"+test.field)
		require.Equal(t, test.status, answer.Status, "%v", test)
		if test.status == 304 {
			require.Empty(t, answer.Body)
			require.False(t, answer.Headers.Has("Content-Type"))
			require.True(t, answer.Headers.Has("ETag"))
		}
	}
}

func TestETagMistakes(t *testing.T) {
	require.Contains(t, mistakeOf(t, middleware.ETag(middleware.ETagOptions{MaxBytes: -1})), "MaxBytes -1")
}

func ExampleETag() {
	app := wherry.New().Use(middleware.ETag()).
		Get("/", func(c *wherry.Context) error { return c.Text(200, "hello") })
	field := ""
	for range 2 {
		answers, err := app.Test("GET / HTTP/1.1\r\nHost: example.com\r\n" + field + "\r\n")
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(answers[0].Status, len(answers[0].Body))
		field = "If-None-Match: " + answers[0].Headers.Get("ETag") + "\r\n"
	}
	// Output:
	// 200 5
	// 304 0
}
