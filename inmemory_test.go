package wherry_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

func TestInMemory(t *testing.T) {
	app := quiet().Post("/", func(c *wherry.Context) error { return c.Stream(200, "a/b", c.Body()) })
	request, err := http.NewRequest("POST", "http://x/", strings.NewReader("hello"))
	require.NoError(t, err)
	r, err := app.TestRequest(request)
	require.NoError(t, err)
	require.Equal(t, "hello", string(r.Body))
	answers, err := app.TestOn(engine.Threaded, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nho\r\n0\r\n\r\n")
	require.NoError(t, err)
	require.Equal(t, "hi", string(answers[0].Body))
	require.Equal(t, "ho", string(answers[1].Body))
}
