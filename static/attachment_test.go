package static_test

import (
	"mime"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/static"
)

// TestAttachment: every client gets a name that it can read, and no name ends
// the field or leads to another folder.
func TestAttachment(t *testing.T) {
	for name, want := range map[string]string{
		"":               `attachment`,
		"a.pdf":          `attachment; filename="a.pdf"`,
		"a b;c=d.pdf":    `attachment; filename="a b;c=d.pdf"`,
		"Übersicht.pdf":  `attachment; filename="_bersicht.pdf"; filename*=UTF-8''%C3%9Cbersicht.pdf`,
		"€ 5'(x)*.txt":   `attachment; filename="_ 5'(x)*.txt"; filename*=UTF-8''%E2%82%AC%205%27%28x%29%2A.txt`,
		`say "hi".txt`:   `attachment; filename="say _hi_.txt"; filename*=UTF-8''say%20%22hi%22.txt`,
		"100%41.txt":     `attachment; filename="100_41.txt"; filename*=UTF-8''100%2541.txt`,
		"../../a\\b":     `attachment; filename=".._.._a_b"`,
		"a\r\nX: y\x00":  `attachment; filename="a__X: y_"`,
		"\x7f\u0085":     `attachment; filename="__"`,
		"a\xffb":         `attachment; filename="a_b"`,
		"!#$&+-.^_`|~Z9": "attachment; filename=\"!#$&+-.^_`|~Z9\"",
		"ü!#$&+-.^_`|~9": "attachment; filename=\"_!#$&+-.^_`|~9\"; filename*=UTF-8''%C3%BC!#$&+-.^_`|~9",
	} {
		require.Equal(t, want, static.Attachment(name), "%q", name)
	}
}

// FuzzAttachment: what is sent is a field value, and says what it was made of.
func FuzzAttachment(f *testing.F) {
	for _, name := range []string{"a.pdf", "Übersicht.pdf", "a\r\nb", `"\"`, "%", "\xff", "''"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		value := static.Attachment(name)
		form, params, err := mime.ParseMediaType(value)
		require.NoError(t, err, value)
		require.Equal(t, "attachment", form)
		require.Equal(t, name == "", params["filename"] == "")
		require.Equal(t, value, static.Attachment(params["filename"]), "it is read as it is meant")
		answer := ask(t, wherry.New().Get("/", func(c *wherry.Context) error {
			c.SetHeader(wherry.HeaderContentDisposition, value)
			return c.Text(200, "x")
		}), "GET /")
		require.Equal(t, value, answer.Headers.Get("Content-Disposition"))
	})
}
