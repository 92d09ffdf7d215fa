package wherry

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// contextOf is short for what typed handlers are given.
type contextOf = context.Context

type created struct {
	ID int `json:"id"`
}

func (created) StatusCode() int { return 201 }

type gone struct{ ID int }

func (*gone) StatusCode() int { return 204 }

func TestTyped(t *testing.T) {
	type in struct {
		ID   int    `path:"id"`
		Body person `body:""`
	}
	answer := answerTo(t, "/:id", Typed(func(ctx context.Context, in in) (person, error) {
		require.NoError(t, ctx.Err())
		in.Body.Age = in.ID
		return in.Body, nil
	}), request("POST", "/7", `{"name":"ann"}`, asJSON))
	require.Equal(t, 200, answer.Status)
	require.Equal(t, "application/json", answer.Headers.Get("Content-Type"))
	require.JSONEq(t, `{"name":"ann","age":7,"pet":null}`, string(answer.Body))
}

func TestTypedStatus(t *testing.T) {
	post := request("POST", "/", "")
	answer := answerTo(t, "/", Typed(func(context.Context, struct{}) (created, error) { return created{5}, nil }), post)
	require.Equal(t, 201, answer.Status)
	require.Equal(t, `{"id":5}`, string(answer.Body))
	answer = answerTo(t, "/", Typed(func(context.Context, struct{}) (*created, error) { return &created{6}, nil }), post)
	require.Equal(t, 201, answer.Status)
	answer = answerTo(t, "/", Typed(func(context.Context, struct{}) (gone, error) { return gone{}, nil }), post)
	require.Equal(t, 204, answer.Status)
	require.Empty(t, answer.Body)
	require.Empty(t, answer.Headers.Get("Content-Type"))
	answer = answerTo(t, "/", Typed(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }), post)
	require.Equal(t, 204, answer.Status)
	require.Empty(t, answer.Headers.Get("Content-Type"))
}

func TestTypedErrors(t *testing.T) {
	called := false
	h := Typed(func(context.Context, person) (struct{}, error) {
		called = true
		return struct{}{}, NewError(409, "taken")
	})
	require.Equal(t, 400, answerTo(t, "/", h, request("POST", "/", `{"role":1}`, asJSON)).Status, "strict")
	require.False(t, called)
	require.Equal(t, 409, answerTo(t, "/", h, request("POST", "/", `{}`, asJSON)).Status)
	h = Typed(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, errors.New("secret") })
	answer := answerTo(t, "/", h, request("POST", "/", ""))
	require.Equal(t, 500, answer.Status)
	require.NotContains(t, string(answer.Body), "secret")
}

// TestTypedChecksAtBuild: what would be a failure of every request is told
// before there is one, with its place.
func TestTypedChecksAtBuild(t *testing.T) {
	type channel struct {
		A chan int `query:"a"`
	}
	type misspelt struct {
		ID   int    `path:"idd"`
		Name string `query:"name"`
	}
	handlers := map[string]Handler{
		"channel":  Typed(func(context.Context, channel) (struct{}, error) { return struct{}{}, nil }),
		"misspelt": Typed(func(context.Context, misspelt) (struct{}, error) { return struct{}{}, nil }),
		"nil":      Typed[struct{}, struct{}](nil),
	}
	for name, want := range map[string]string{
		"channel":  "wherry.Typed: wherry: a request cannot fill wherry.channel: A: a value of type chan int cannot be read from text",
		"misspelt": `wherry.Typed: wherry.misspelt takes path:"idd", but the pattern "/m/x/:id/*" has no wildcard of that name; it has ["id" "*"]`,
		"nil":      "wherry.Typed: the function is nil",
	} {
		inner := New().Get("/x/:id/*", handlers[name])
		err := New().Mount("/m", inner).Build()
		require.ErrorContains(t, err, want)
		require.Regexp(t, `\n\S+typed_test\.go:\d+: `, err.Error())
		require.Equal(t, 2, strings.Count(err.Error(), "\n")+1, "it is told once: %v", err)
	}
	require.NoError(t, New().Get("/x/:idd", handlers["misspelt"]).Build())
	require.NoError(t, New().Group("/:idd", func(g *Group) { g.Get("", handlers["misspelt"]) }).Build())
	err := New().Get("/{idd}", handlers["misspelt"]).Build()
	require.NotContains(t, err.Error(), "wherry.Typed", "a pattern that is none has no names")
	require.ErrorContains(t, handlers["misspelt"](nil), "without a Context")
}

// TestBrokenNil: a handler that could not be made says why.
func TestBrokenNil(t *testing.T) {
	err := New().Get("/", Broken(nil)).Build()
	require.ErrorContains(t, err, "wherry.Broken(nil): give the error")
	require.ErrorContains(t, err, "typed_test.go:")
}
