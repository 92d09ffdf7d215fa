package middleware_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func basic(userAndPassword string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(userAndPassword))
}

func whoami(c *wherry.Context) error {
	user, ok := middleware.BasicAuthUser(c)
	return c.Text(200, fmt.Sprintf("%s %v", user, ok))
}

func TestBasicAuth(t *testing.T) {
	app := wherry.New().
		Use(middleware.BasicAuth(middleware.BasicAuthOptions{Users: map[string]string{"ann": "s3cret", "bob": "a:b", "çelik": "şifre"}})).
		Get("/", whoami)
	for _, test := range []struct {
		field  string
		status int
	}{
		{basic("ann:s3cret"), 200},
		{basic("bob:a:b"), 200},
		{basic("çelik:şifre"), 200},
		{strings.Replace(basic("ann:s3cret"), "Basic ", "bAsIc  ", 1), 200},
		{"X: y", 401},
		{basic("ann:s3cre"), 401},
		{basic("ann:s3cret "), 401},
		{basic("ann:"), 401},
		{basic("ann"), 401},
		{basic(":s3cret"), 401},
		{basic("bob:s3cret"), 401},
		{basic("Ann:s3cret"), 401},
		{basic("eve:s3cret"), 401},
		{basic("ann\x00:s3cret"), 401},
		{"Authorization: Basic", 401},
		{"Authorization: Basic !!!", 401},
		{"Authorization: Bearer " + base64.StdEncoding.EncodeToString([]byte("ann:s3cret")), 401},
		{basic("ann:s3cret") + "\n" + basic("ann:s3cret"), 401},
		{basic("ann:s3cret") + "\n" + basic("eve:x"), 401},
		{basic("ann:" + strings.Repeat("x", 6000)), 401},
	} {
		answer := answerTo(t, app, "GET / HTTP/1.1\n"+test.field)
		require.Equal(t, test.status, answer.Status, test.field)
		if test.status == 401 {
			require.Equal(t, `Basic realm="Restricted", charset="UTF-8"`, answer.Headers.Get("WWW-Authenticate"))
		}
	}
	require.Equal(t, "ann true", string(answerTo(t, app, "GET / HTTP/1.1\n"+basic("ann:s3cret")).Body))
}

// What is answered must not tell whether a name is known. The time that it
// takes is tested in secret_test.go.
func TestBasicAuthTellsNoNames(t *testing.T) {
	app := wherry.New().
		Use(middleware.BasicAuth(middleware.BasicAuthOptions{Users: map[string]string{"ann": "s3cret"}})).
		Get("/", whoami)
	known := answerTo(t, app, "GET / HTTP/1.1\n"+basic("ann:wrong1"))
	unknown := answerTo(t, app, "GET / HTTP/1.1\n"+basic("eve:wrong1"))
	require.Equal(t, known.Body, unknown.Body)
	require.Equal(t, known.Headers.Len(), unknown.Headers.Len())
}

func TestBasicAuthCheck(t *testing.T) {
	down := errors.New("directory is down")
	app := wherry.New().
		Use(middleware.BasicAuth(middleware.BasicAuthOptions{Realm: "Staff", Check: func(_ *wherry.Context, user, password string) (bool, error) {
			if user == "down" {
				return true, down
			}
			return user == "ann" && password == "x", nil
		}})).
		Get("/", whoami)
	require.Equal(t, 200, answerTo(t, app, "GET / HTTP/1.1\n"+basic("ann:x")).Status)
	answer := answerTo(t, app, "GET / HTTP/1.1\n"+basic("ann:y"))
	require.Equal(t, 401, answer.Status)
	require.Contains(t, answer.Headers.Get("WWW-Authenticate"), `realm="Staff"`)
	require.Equal(t, 500, answerTo(t, app, "GET / HTTP/1.1\n"+basic("down:y")).Status)
}

func TestBasicAuthMistakes(t *testing.T) {
	type options = middleware.BasicAuthOptions
	check := func(*wherry.Context, string, string) (bool, error) { return true, nil }
	for _, test := range []struct {
		o    options
		want string
	}{
		{options{}, "both missing"},
		{options{Check: check, Users: map[string]string{"a": "b"}}, "both given"},
		{options{Check: check, Realm: `a"b`}, "Realm"},
		{options{Check: check, Realm: "a\r\nX: y"}, "Realm"},
		{options{Users: map[string]string{"a:b": "c"}}, `Users["a:b"]`},
		{options{Users: map[string]string{"a": ""}}, `Users["a"]`},
		{options{Users: map[string]string{"": "b"}}, `Users[""]`},
	} {
		require.Contains(t, mistakeOf(t, middleware.BasicAuth(test.o)), test.want)
	}
}

func ExampleBasicAuth() {
	app := wherry.New().
		Group("/staff", func(g *wherry.Group) {
			g.Use(middleware.BasicAuth(middleware.BasicAuthOptions{Users: map[string]string{"ann": "correct horse"}}))
			g.Get("", func(c *wherry.Context) error {
				user, _ := middleware.BasicAuthUser(c)
				return c.Text(200, "hello "+user)
			})
		})
	answers, err := app.Test("GET /staff HTTP/1.1\r\nHost: example.com\r\nAuthorization: Basic YW5uOmNvcnJlY3QgaG9yc2U=\r\n\r\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(answers[0].Body))
	// Output: hello ann
}
