package middleware_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func corsApp(o middleware.CORSOptions) *wherry.App {
	return wherry.New().Use(middleware.CORS(o)).
		Get("/", hello).
		Post("/", hello).
		Get("/vary", func(c *wherry.Context) error {
			c.SetHeader("Vary", "Accept")
			return c.Text(200, "")
		})
}

// corsFields returns the fields of an answer that speak of other origins.
func corsFields(answer *wherry.TestResponse) map[string]string {
	fields := map[string]string{}
	for name, value := range answer.Headers.All() {
		if short, found := strings.CutPrefix(name, "Access-Control-"); found {
			fields[short] += value
		}
	}
	return fields
}

// TestCORSOrigins has the matches that others got wrong: suffixes, prefixes,
// null, other schemes and ports.
func TestCORSOrigins(t *testing.T) {
	app := corsApp(middleware.CORSOptions{
		Origins:     []string{"https://example.com", "https://*.example.org", "http://localhost:*", "https://[2001:db8::1]:8443", "https://*.example.net:*"},
		Credentials: true,
	})
	for origin, allowed := range map[string]bool{
		"https://example.com":                  true,
		"http://example.com":                   false,
		"https://example.com:8443":             false,
		"https://example.com:443":              false,
		"https://example.com.":                 false,
		"https://EXAMPLE.com":                  false,
		"https://evilexample.com":              false,
		"https://example.com.evil.net":         false,
		"https://a.example.com":                false,
		"https://example.com/":                 false,
		"https://example.com https://evil.net": false,
		"https://example.org":                  false,
		"https://a.example.org":                true,
		"https://a.b.example.org":              true,
		"https://.example.org":                 false,
		"https://evil.net/.example.org":        false,
		"https://evil.net#.example.org":        false,
		"https://user@a.example.org":           false,
		"https://evil.net:1.example.org":       false,
		"https://a.example.org:8443":           false,
		"https://evilexample.org":              false,
		"http://a.example.org":                 false,
		"http://localhost":                     true,
		"http://localhost:3000":                true,
		"http://localhost:99999":               false,
		"http://localhost:":                    false,
		"http://localhost:3000.evil.net":       false,
		"http://localhost.evil.net":            false,
		"https://[2001:db8::1]:8443":           true,
		"https://[2001:db8::1]":                false,
		"https://a.example.net":                true,
		"https://a.example.net:9":              true,
		"null":                                 false,
		"*":                                    false,
		"file://":                              false,
		"https://":                             false,
	} {
		answer := answerTo(t, app, "GET / HTTP/1.1\nOrigin: "+origin)
		require.Equal(t, 200, answer.Status)
		require.Equal(t, "Origin", answer.Headers.Get("Vary"), "caches must not mix answers")
		want := map[string]string{}
		if allowed {
			want = map[string]string{"Allow-Origin": origin, "Allow-Credentials": "true"}
		}
		require.Equal(t, want, corsFields(answer), origin)
	}
}

func TestCORSWithoutOrigin(t *testing.T) {
	app := corsApp(middleware.CORSOptions{Origins: []string{"https://example.com"}, ExposedFields: []string{"ETag"}})
	answer := answerTo(t, app, "GET / HTTP/1.1")
	require.Empty(t, corsFields(answer))
	require.Equal(t, "Origin", answer.Headers.Get("Vary"), "a cache may keep this one too")
	answer = answerTo(t, app, "GET /vary HTTP/1.1\nOrigin: https://example.com")
	require.Equal(t, "Accept, Origin", answer.Headers.Get("Vary"), "also when the handler sets another")
	require.Equal(t, "ETag", answer.Headers.Get("Access-Control-Expose-Headers"))
}

// TestCORSStream: an answer whose head leaves early has the fields too.
func TestCORSStream(t *testing.T) {
	app := corsApp(middleware.CORSOptions{Origins: []string{"https://example.com"}}).Get("/stream", func(c *wherry.Context) error {
		_, _ = c.WriteString("a")
		return c.Flush()
	})
	answer := answerTo(t, app, "GET /stream HTTP/1.1\nOrigin: https://example.com")
	require.Equal(t, "Origin", answer.Headers.Get("Vary"))
	require.Equal(t, "https://example.com", answer.Headers.Get("Access-Control-Allow-Origin"))
}

func TestCORSAnyone(t *testing.T) {
	app := corsApp(middleware.CORSOptions{Origins: []string{"*"}})
	for _, origin := range []string{"", "\nOrigin: null", "\nOrigin: https://example.com"} {
		answer := answerTo(t, app, "GET / HTTP/1.1"+origin)
		require.Equal(t, map[string]string{"Allow-Origin": "*"}, corsFields(answer), "never reflected, CVE-2017-20146")
		require.False(t, answer.Headers.Has("Vary"))
	}
}

func TestCORSErrors(t *testing.T) {
	app := corsApp(middleware.CORSOptions{Origins: []string{"https://example.com"}})
	for request, status := range map[string]int{"GET /nowhere HTTP/1.1": 404, "DELETE / HTTP/1.1": 405, "POST / HTTP/1.1\nContent-Length: 9999999": 413} {
		answer := answerTo(t, app, request+"\nOrigin: https://example.com")
		require.Equal(t, status, answer.Status)
		if status != 413 { // refused before middleware runs
			require.Equal(t, map[string]string{"Allow-Origin": "https://example.com"}, corsFields(answer), "pages can read why")
		}
	}
}

func preflightOf(target, origin, method string, fields ...string) string {
	return "OPTIONS " + target + " HTTP/1.1\nOrigin: " + origin + "\nAccess-Control-Request-Method: " + method + "\n" + strings.Join(fields, "\n")
}

func TestCORSPreflight(t *testing.T) {
	app := corsApp(middleware.CORSOptions{
		Origins: []string{"https://example.com"}, Methods: []string{"PUT", "GET"}, RequestFields: []string{"Content-Type", "X-Token"},
		MaxAge: 90 * time.Minute, Credentials: true,
	}).Options("/own", hello)
	granted := map[string]string{
		"Allow-Origin": "https://example.com", "Allow-Credentials": "true", "Allow-Methods": "GET, HEAD, POST, PUT",
		"Allow-Headers": "Content-Type, X-Token", "Max-Age": "5400",
	}
	for _, test := range []struct {
		name, request string
		granted       bool
	}{
		{"plain", preflightOf("/", "https://example.com", "PUT"), true},
		{"a path without routes", preflightOf("/nowhere", "https://example.com", "PUT"), true},
		{"a route of its own", preflightOf("/own", "https://example.com", "GET"), true},
		{"fields", preflightOf("/", "https://example.com", "PUT", "Access-Control-Request-Headers: content-type,x-token"), true},
		{"in another case", preflightOf("/", "https://example.com", "PUT", "Access-Control-Request-Headers: X-TOKEN , Content-Type"), true},
		{"on several lines", preflightOf("/", "https://example.com", "PUT", "Access-Control-Request-Headers: x-token", "Access-Control-Request-Headers: content-type"), true},
		{"origin", preflightOf("/", "https://evil.net", "PUT"), false},
		{"null", preflightOf("/", "null", "PUT"), false},
		{"method", preflightOf("/", "https://example.com", "DELETE"), false},
		{"method in another case", preflightOf("/", "https://example.com", "put"), false},
		{"field", preflightOf("/", "https://example.com", "PUT", "Access-Control-Request-Headers: content-type,authorization"), false},
		{"field on another line", preflightOf("/", "https://example.com", "PUT", "Access-Control-Request-Headers: content-type", "Access-Control-Request-Headers: authorization"), false},
		{"no token", preflightOf("/", "https://example.com", "PUT", "Access-Control-Request-Headers: content type"), false},
		{"too many commas", preflightOf("/", "https://example.com", "PUT", "Access-Control-Request-Headers: "+strings.Repeat(",", 8000)), false},
		{"too many names", preflightOf("/", "https://example.com", "PUT", "Access-Control-Request-Headers: "+strings.Repeat("x-token,", 800)+"x-token"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := answerTo(t, app, strings.TrimSuffix(test.request, "\n"))
			require.Contains(t, answer.Headers.Get("Vary"), "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
			if test.granted {
				require.Equal(t, 204, answer.Status)
				require.Equal(t, granted, corsFields(answer))
				return
			}
			require.Equal(t, 403, answer.Status)
			require.Empty(t, corsFields(answer), "what is allowed is not told")
			require.NotContains(t, string(answer.Body), "example.com")
		})
	}
}

// TestCORSBeforeAuthentication: preflights carry no credentials.
func TestCORSBeforeAuthentication(t *testing.T) {
	deny := func(wherry.Handler) wherry.Handler {
		return func(*wherry.Context) error { return wherry.NewError(401, "") }
	}
	o := middleware.CORSOptions{Origins: []string{"https://example.com"}, RequestFields: []string{"Authorization"}}
	app := wherry.New().Use(middleware.CORS(o), deny).Get("/", hello)
	request := preflightOf("/", "https://example.com", "GET", "Access-Control-Request-Headers: authorization")
	require.Equal(t, 204, answerTo(t, app, request).Status)
	// On a group it serves the paths that exist there.
	app = wherry.New().Group("/api", func(g *wherry.Group) { g.Use(middleware.CORS(o), deny).Get("/a", hello) })
	require.Equal(t, 204, answerTo(t, app, strings.Replace(request, " / ", " /api/a ", 1)).Status)
}

// TestCORSPlainOptions: OPTIONS that is no preflight is the app's.
func TestCORSPlainOptions(t *testing.T) {
	app := corsApp(middleware.CORSOptions{Origins: []string{"https://example.com"}})
	for _, fields := range []string{"", "\nOrigin: https://example.com", "\nAccess-Control-Request-Method: PUT"} {
		answer := answerTo(t, app, "OPTIONS / HTTP/1.1"+fields)
		require.Equal(t, 204, answer.Status)
		require.Equal(t, "GET, HEAD, OPTIONS, POST", answer.Headers.Get("Allow"))
	}
}

func TestCORSMaxAge(t *testing.T) {
	for age, want := range map[time.Duration]string{0: "", -1: "0", time.Millisecond: "1", 24 * time.Hour: "86400"} {
		app := corsApp(middleware.CORSOptions{Origins: []string{"*"}, MaxAge: age})
		require.Equal(t, want, answerTo(t, app, preflightOf("/", "https://a.example", "GET")+"X: y").Headers.Get("Access-Control-Max-Age"))
	}
}

func TestCORSRefused(t *testing.T) {
	var told []string
	app := corsApp(middleware.CORSOptions{Origins: []string{"https://example.com"}, Refused: func(_ *wherry.Context, why string) { told = append(told, why) }})
	answerTo(t, app, "GET / HTTP/1.1\nOrigin: https://evil.net")
	answerTo(t, app, preflightOf("/", "https://example.com", "PUT")+"X: y")
	answerTo(t, app, preflightOf("/", "https://example.com", "GET", "Access-Control-Request-Headers: a"))
	require.Equal(t, []string{"the origin is none of Origins", "the method is none of Methods", "a requested field is none of RequestFields"}, told)
}

func TestCORSMistakes(t *testing.T) {
	require.Contains(t, mistakeOf(t, middleware.CORS(middleware.CORSOptions{})), "Origins is empty")
	for origin, want := range map[string]string{
		"null": "name real origins", "": "begins with https://", "example.com": "begins with https://", "https://Example.com": "lower case",
		"https://example.com/": "without path", "https://example.com:443": "leave it out", "http://example.com:80": "leave it out",
		"https://*.com": "at least two labels", "https://*.*.example.com": "host name", "https://*example.com": "host name", "https://a.*.com": "host name",
		"https://exämple.com": "in ASCII", "file://": "begins with https://", "https://*": "host name", "https://*.192.0.2.1": "at least two labels",
		"https://user@example.com": "host name", "https://example.com:": "host name", "https://example.com:0": "host name", "https://[::1": "host name",
	} {
		require.Contains(t, mistakeOf(t, middleware.CORS(middleware.CORSOptions{Origins: []string{origin}})), want, origin)
	}
	for want, o := range map[string]middleware.CORSOptions{
		"every page could act":      {Origins: []string{"*"}, Credentials: true}, // CVE-2024-25124
		"give \"*\" alone":          {Origins: []string{"*", "https://example.com"}},
		"use https":                 {Origins: []string{"http://example.com"}, Credentials: true},
		"Methods has \"TRACE\"":     {Origins: []string{"*"}, Methods: []string{"TRACE"}},
		"Methods has \"*\"":         {Origins: []string{"*"}, Methods: []string{"*"}},
		"RequestFields has \"*\"":   {Origins: []string{"*"}, RequestFields: []string{"*"}},
		"RequestFields has \"a b\"": {Origins: []string{"*"}, RequestFields: []string{"a b"}},
		"ExposedFields has \"*\"":   {Origins: []string{"*"}, ExposedFields: []string{"*"}},
		"MaxAge is 25h":             {Origins: []string{"*"}, MaxAge: 25 * time.Hour},
	} {
		require.Contains(t, mistakeOf(t, middleware.CORS(o)), want)
	}
	for _, origin := range []string{"http://localhost:3000", "http://127.0.0.1", "http://[::1]:8080", "http://app.localhost"} {
		require.NoError(t, corsApp(middleware.CORSOptions{Origins: []string{origin}, Credentials: true}).Build(), "loopback is nobody's network")
	}
	require.NoError(t, corsApp(middleware.CORSOptions{Origins: []string{"http://example.com"}, Credentials: true, DangerouslyAllowInsecureOrigins: true}).Build())
}

func ExampleCORS() {
	app := wherry.New().
		Use(middleware.CORS(middleware.CORSOptions{
			Origins:       []string{"https://app.example.org"},
			Methods:       []string{"PUT", "DELETE"},
			RequestFields: []string{"Content-Type"},
		})).
		Put("/notes/:id", func(c *wherry.Context) error { return c.NoContent() })
	answers, err := app.Test("OPTIONS /notes/7 HTTP/1.1\r\nHost: api.example.org\r\nOrigin: https://app.example.org\r\n" +
		"Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: content-type\r\n\r\n")
	if err != nil {
		panic(err)
	}
	fmt.Println(answers[0].Status, answers[0].Headers.Get("Access-Control-Allow-Origin"))
	// Output: 204 https://app.example.org
}

// Every page on the web could act for a signed-in user: this cannot be built.
func ExampleCORS_incorrect() {
	app := wherry.New().
		Use(middleware.CORS(middleware.CORSOptions{Origins: []string{"*"}, Credentials: true})).
		Get("/", func(c *wherry.Context) error { return c.NoContent() })
	fmt.Println(app.Build() != nil)
	// Output: true
}
