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

func TestTypedChecksAtRegistration(t *testing.T) {
	type in struct {
		A chan int `query:"a"`
	}
	defer func() {
		err, _ := recover().(error)
		require.ErrorContains(t, err, "wherry: a request cannot fill wherry.in: A: a value of type chan int cannot be read from text")
		require.True(t, strings.HasSuffix(err.Error(), "(in wherry.Typed)"))
	}()
	Typed(func(context.Context, in) (struct{}, error) { return struct{}{}, nil })
}
