package middleware_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func TestRewrite(t *testing.T) {
	app := wherry.New().
		BeforeRouting(middleware.Rewrite(
			middleware.RewriteRule{From: "/old", To: "/new"},
			middleware.RewriteRule{From: "/new", To: "/newer"},
			middleware.RewriteRule{From: "/users/*/posts/*", To: "/p/*/of/*"},
			middleware.RewriteRule{From: "/v1/**", To: "/api/**"},
			middleware.RewriteRule{From: "/v1/**", To: "/never/**"},
			middleware.RewriteRule{From: "/top/**", To: "/**"},
			middleware.RewriteRule{From: "/drop/*/**", To: "/dropped"},
		)).
		Get("/**", func(c *wherry.Context) error { return c.Text(200, c.RawPath()+" "+c.RawQuery()) })
	for _, test := range []struct{ target, want string }{
		{"/old", "/new "}, // and not /newer
		{"/new?q=1", "/newer q=1"},
		{"/old/", "/old/ "},
		{"/older", "/older "},
		{"/Old", "/Old "},
		{"/users/1/posts/2", "/p/1/of/2 "},
		{"/users/a%2Fb/posts/%3F", "/p/a%2Fb/of/%3F "},
		{"/users//posts/2", "/users//posts/2 "},
		{"/users/1/posts", "/users/1/posts "},
		{"/users/1/posts/2/3", "/users/1/posts/2/3 "},
		{"/v1", "/api "},
		{"/v1/", "/api/ "},
		{"/v1/a/b/", "/api/a/b/ "},
		{"/v1a", "/v1a "},
		{"/top", "/ "},
		{"/top/x", "/x "},
		{"/drop/1", "/dropped "},
		{"/drop/1/2/3", "/dropped "},
	} {
		require.Equal(t, test.want, string(answerTo(t, app, "GET "+test.target+" HTTP/1.1").Body), test.target)
	}
}

// Middleware sees the path that is served, so a rewrite leads around nothing.
func TestRewriteBeforeAuthentication(t *testing.T) {
	deny := func(wherry.Handler) wherry.Handler {
		return func(*wherry.Context) error { return &wherry.Error{Status: 401} }
	}
	app := wherry.New().
		BeforeRouting(middleware.Rewrite(middleware.RewriteRule{From: "/open/**", To: "/secret/**"})).
		Group("/secret", func(g *wherry.Group) { g.Use(deny); g.Get("/**", hello) }).
		Get("/open/**", hello)
	require.Equal(t, 401, answerTo(t, app, "GET /open/x HTTP/1.1").Status)
}

func TestRewriteMistakes(t *testing.T) {
	type rule = middleware.RewriteRule
	for _, rules := range [][]rule{
		nil,
		{{"", "/"}}, {{"a", "/"}}, {{"/a", "http://evil.test/"}}, {{"/a*", "/"}}, {{"/**/a", "/"}},
		{{"/a", "/*"}}, {{"/*", "/*/*"}}, {{"/a", "/**"}}, {{"/a", "/%zz"}}, {{"/a", "/b?c"}}, {{"/a b", "/"}},
	} {
		app := wherry.New().BeforeRouting(middleware.Rewrite(rules...)).Get("/**", hello)
		answers, err := app.Test(hosted("GET", "/", "example.com", ""))
		if err != nil { // told by Build
			require.ErrorContains(t, err, "middleware.Rewrite")
			continue
		}
		require.Equal(t, 500, answers[0].Status, "%v", rules)
	}
}

func ExampleRewrite() {
	app := wherry.New().
		BeforeRouting(middleware.Rewrite(middleware.RewriteRule{From: "/v1/**", To: "/api/v1/**"})).
		Get("/api/v1/tasks/:id", func(c *wherry.Context) error { return c.Text(200, "task "+c.Param("id")) })
	answers, err := app.Test("GET /v1/tasks/7 HTTP/1.1\r\nHost: example.com\r\n\r\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(answers[0].Body))
	// Output: task 7
}
