package middleware_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

const (
	keyOfAnn = "0123456789abcdef0123456789abcdef"
	keyOfBob = "fedcba9876543210fedcba9876543210"
)

func whose(c *wherry.Context) error {
	client, ok := middleware.KeyAuthClient(c)
	return c.Text(200, fmt.Sprintf("%s %v", client, ok))
}

func TestKeyAuth(t *testing.T) {
	app := wherry.New().
		Use(middleware.KeyAuth(middleware.KeyAuthOptions{Keys: map[string]string{"ann": keyOfAnn, "bob": keyOfBob}})).
		Get("/", whose)
	const missing, wrong = `Bearer realm="Restricted"`, `Bearer realm="Restricted", error="invalid_token"`
	for _, test := range []struct{ target, field, body, challenge string }{
		{"/", "Authorization: Bearer " + keyOfAnn, "ann true", ""},
		{"/", "Authorization: bearer " + keyOfBob, "bob true", ""},
		{"/", "X: y", "", missing},
		{"/", "Authorization: Bearer", "", missing},
		{"/", "Authorization: Basic " + keyOfAnn, "", missing},
		{"/", "Authorization: " + keyOfAnn, "", missing},
		{"/", "Authorization: Bearer " + keyOfAnn[1:], "", wrong},
		{"/", "Authorization: Bearer " + keyOfAnn + "0", "", wrong},
		{"/", "Authorization: Bearer " + keyOfAnn + "\nAuthorization: Bearer " + keyOfAnn, "", missing},
		// A key in a query ends in logs: it is not looked at.
		{"/?access_token=" + keyOfAnn, "X: y", "", missing},
	} {
		answer := answerTo(t, app, "GET "+test.target+" HTTP/1.1\n"+test.field)
		if test.challenge == "" {
			require.Equal(t, 200, answer.Status, test.field)
			require.Equal(t, test.body, string(answer.Body))
			continue
		}
		require.Equal(t, 401, answer.Status, test.field)
		require.Equal(t, test.challenge, answer.Headers.Get("WWW-Authenticate"), test.field)
	}
}

func TestKeyAuthField(t *testing.T) {
	app := wherry.New().
		Use(middleware.KeyAuth(middleware.KeyAuthOptions{Field: "X-API-Key", Keys: map[string]string{"ann": keyOfAnn}})).
		Get("/", whose)
	require.Equal(t, 200, answerTo(t, app, "GET / HTTP/1.1\nx-api-key: "+keyOfAnn).Status)
	for _, field := range []string{"X: y", "X-API-Key:", "X-API-Key: " + keyOfBob, "Authorization: Bearer " + keyOfAnn} {
		answer := answerTo(t, app, "GET / HTTP/1.1\n"+field)
		require.Equal(t, 401, answer.Status, field)
		require.Equal(t, `ApiKey realm="Restricted"`, answer.Headers.Get("WWW-Authenticate"))
	}
}

func TestKeyAuthCheck(t *testing.T) {
	app := wherry.New().
		Use(middleware.KeyAuth(middleware.KeyAuthOptions{Check: func(_ *wherry.Context, key string) (string, bool, error) {
			if key == "down" {
				return "ann", true, errors.New("store is down")
			}
			return "ann", key == "good", nil
		}})).
		Get("/", whose)
	require.Equal(t, "ann true", string(answerTo(t, app, "GET / HTTP/1.1\nAuthorization: Bearer good").Body))
	require.Equal(t, 401, answerTo(t, app, "GET / HTTP/1.1\nAuthorization: Bearer bad").Status)
	require.Equal(t, 500, answerTo(t, app, "GET / HTTP/1.1\nAuthorization: Bearer down").Status)
}

func TestKeyAuthMistakes(t *testing.T) {
	type options = middleware.KeyAuthOptions
	check := func(*wherry.Context, string) (string, bool, error) { return "", true, nil }
	for _, test := range []struct {
		o    options
		want string
	}{
		{options{}, "both missing"},
		{options{Check: check, Keys: map[string]string{"a": keyOfAnn}}, "both given"},
		{options{Check: check, Realm: `a\b`}, "Realm"},
		{options{Check: check, Field: "X Key"}, "Field"},
		{options{Keys: map[string]string{"a": "short"}}, `Keys["a"]`},
		{options{Keys: map[string]string{"": keyOfAnn}}, `Keys[""]`},
		{options{Keys: map[string]string{"a": keyOfAnn, "b": keyOfAnn}}, "belongs to another client"},
	} {
		require.Contains(t, mistakeOf(t, middleware.KeyAuth(test.o)), test.want)
	}
}

func ExampleKeyAuth() {
	app := wherry.New().
		Group("/api", func(g *wherry.Group) {
			g.Use(middleware.KeyAuth(middleware.KeyAuthOptions{Keys: map[string]string{"billing": "d2hlcnJ5IGlzIGEgYm9hdA"}}))
			g.Get("/invoices", func(c *wherry.Context) error {
				client, _ := middleware.KeyAuthClient(c)
				return c.Text(200, "hello "+client)
			})
		})
	answers, err := app.Test("GET /api/invoices HTTP/1.1\r\nHost: example.com\r\nAuthorization: Bearer d2hlcnJ5IGlzIGEgYm9hdA\r\n\r\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(answers[0].Body))
	// Output: hello billing
}
