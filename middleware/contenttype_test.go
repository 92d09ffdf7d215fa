package middleware_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func TestRequireContentType(t *testing.T) {
	app := wherry.New().
		Use(middleware.RequireContentType("application/json", "image/*", "application/*+json")).
		Post("/", hello)
	for _, test := range []struct {
		fields string
		status int
	}{
		{"Content-Type: application/json", 200},
		{"Content-Type: Application/JSON ; charset=utf-8", 200},
		{"Content-Type: application/problem+json", 200},
		{"Content-Type: image/png", 200},
		{"X: y", 415},
		{"Content-Type: application/jsonp", 415},
		{"Content-Type: text/plain; application/json", 415},
		{"Content-Type: text/plain, application/json", 415},
		{"Content-Type: application/json, text/plain", 415},
		{"Content-Type: application/+json", 415},
		{"Content-Type: application", 415},
		{"Content-Type: image/", 415},
		{"Content-Type: application/json\nContent-Type: text/plain", 415},
		{"Content-Type: application/json\nContent-Type: application/json", 415},
	} {
		answer := answerTo(t, app, "POST / HTTP/1.1\nContent-Length: 2\n"+test.fields+"\n\n{}")
		require.Equal(t, test.status, answer.Status, test.fields)
		if test.status == 415 {
			require.Equal(t, "application/json, image/*, application/*+json", answer.Headers.Get("Accept"))
		}
	}
}

func TestRequireContentTypeFraming(t *testing.T) {
	app := wherry.New().Use(middleware.RequireContentType("application/json")).Post("/", hello)
	require.Equal(t, 200, answerTo(t, app, "POST / HTTP/1.1").Status, "no content")
	require.Equal(t, 200, answerTo(t, app, "POST / HTTP/1.1\nContent-Length: 0").Status, "no content")
	require.Equal(t, 415, answerTo(t, app, "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n0\r\n\r\n").Status, "content of unknown length")
}

func TestRequireContentTypeMistakes(t *testing.T) {
	require.Contains(t, mistakeOf(t, middleware.RequireContentType()), "no media type is given")
	for _, bad := range []string{"", "json", "*/*", "a b/c", "application/*json", "application/", "application/json; charset=utf-8", "*/json", "a/b*"} {
		require.Contains(t, mistakeOf(t, middleware.RequireContentType("text/plain", bad)), "is no media type", bad)
	}
}

func ExampleRequireContentType() {
	app := wherry.New().
		Use(middleware.RequireContentType("application/json")).
		Post("/tasks", func(c *wherry.Context) error { return c.NoContent() })
	for _, media := range []string{"application/json; charset=utf-8", "text/plain"} {
		answers, err := app.Test("POST /tasks HTTP/1.1\r\nHost: example.com\r\nContent-Type: " + media + "\r\nContent-Length: 2\r\n\r\n{}")
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(answers[0].Status)
	}
	// Output:
	// 204
	// 415
}
