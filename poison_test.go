package wherry_test

import (
	"io"
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
