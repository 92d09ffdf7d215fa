package wherry_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

// TestAnswerBehindWideBuffer: an answer that does not fit behind one that waits
// already in the wide write buffer arrives whole, and so do both.
func TestAnswerBehindWideBuffer(t *testing.T) {
	first, second := strings.Repeat("a", 12<<10), strings.Repeat("b", 30<<10)
	app := quiet().Get("/first", text(first)).Get("/second", text(second)).
		Get("/bytes", func(c *wherry.Context) error { return c.Bytes(200, "text/plain", []byte(second)) })
	answers, err := app.Test(get("/first") + get("/second") + get("/first") + get("/bytes"))
	require.NoError(t, err)
	require.Len(t, answers, 4)
	for i, want := range []string{first, second, first, second} {
		require.Equal(t, want, string(answers[i].Body))
	}
}
