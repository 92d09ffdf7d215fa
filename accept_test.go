package wherry

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var acceptCases = []struct {
	field  string
	offers string
	want   string
}{
	{"-", "json html", "json"}, // no field
	{"", "json html", "json"},
	{"*/*", "json html", "json"},
	{"text/html", "json html", "html"},
	{"application/json", "html text json", "json"},
	{"TEXT/HTML;Q=0.5", "json html", "html"},
	{"image/png", "json html", ""},
	{"text/*", "json text html", "text"},
	{"text/html;q=0.5, application/json;q=0.8", "html json", "json"},
	{"text/html;q=0.5, application/json;q=0.501", "html json", "json"},
	{"text/html, application/json", "json html", "json"},
	{"text/*;q=0.9, text/html;q=0.1, */*;q=0.5", "html text json", "text"},
	{"text/*;q=0.9, text/html;q=0.1, */*;q=0.5", "html json", "json"},
	{"text/html;q=0, */*", "html json", "json"},
	{"text/html;q=0.000, */*", "html", ""},
	{"*/*;q=0", "html json", ""},
	{"*/*;q=0, text/html", "json html", "html"},
	{"text/html;q=1.000, text/plain;q=0.999", "text html", "html"},
	// Malformed members count for nothing, nothing else counts as no field.
	{"text/html;q=2, application/json;q=0.1", "html json", "json"},
	{"text/html;q=1.001, application/json;q=0.1", "html json", "json"},
	{"text/html;q=-1, application/json;q=0.1", "html json", "json"},
	{"text/html;q=0.1234, application/json;q=0.1", "html json", "json"},
	{"text/html;q=.5, application/json;q=0.1", "html json", "json"},
	{"text/html;q=\"1\", application/json;q=0.1", "html json", "json"},
	{"text/html;q=, application/json;q=0.1", "html json", "json"},
	{"text/html;q = 1, application/json;q=0.1", "html json", "json"},
	{"text/html;q=1x, application/json;q=0.1", "html json", "json"},
	{"text, */json, te(t/html, application/json;q=0.1", "html json", "json"},
	{"text", "html json", "html"},
	{"*/json", "html json", "html"},
	{"text/html;=1", "json html", "json"},
	{"text/html/x", "json html", "json"},
	{",,;, text/html", "json html", "html"},
	{"text/html;q=1., application/json;q=0.", "json html", "html"},
	// Parameters.
	{"text/html;level=1", "html", ""},
	{"text/html;level=1, text/html;level=2;q=0.5, text/html;q=0.3", "text/html;level=2 text/html;level=1", "text/html;level=1"},
	{"text/html;level=1;q=0.2, text/html;q=0.3", "text/html;level=1 json", "text/html;level=1"},
	{"text/html;level=1;q=0, text/html;q=0.3", "text/html;level=1", ""},
	{"text/html;level=1;q=0, text/html;q=0.3", "html", "html"},
	{"text/html;q=0.3, text/html;level=1;q=0", "text/html;level=1", ""},
	{"text/html;q=0.1, text/html;q=0.9, application/json;q=0.5", "html json", "json"},
	{"*/*;q=0.1, text/*;q=0.9, application/json;q=0.5", "json text", "text"},
	{"text/html", "text/html;level=1", "text/html;level=1"},
	{"text/html; level=1 ; q=0.5", "text/html;level=1", "text/html;level=1"},
	{"text/html;b=2;a=1", "text/html;a=1;b=2;c=3", "text/html;a=1;b=2;c=3"},
	{`text/html;v="a,b;q=0", application/json;q=0.1`, "html json", "json"},
	{`text/html;v="a,b"`, `text/html;v="a,b"`, `text/html;v="a,b"`},
	{`text/html;v="a,b", */*;q=0.1`, `json text/html;v="a,b"`, `text/html;v="a,b"`},
	{"text/html;q=0.5;ext=1", "html", "html"},
	{"text/html; =1, application/json;q=0.1", "html json", "json"},
	{"text/html;;, application/json;q=0.1", "html json", "html"},
	{"text/html", "Text/HTML", "Text/HTML"},
	{"*/*", "", ""},
}

func TestAccepts(t *testing.T) {
	for _, tt := range acceptCases {
		answer := answerTo(t, "/", func(c *Context) error {
			require.Equal(t, tt.want, c.Accepts(strings.Fields(tt.offers)...), "%s among %s", tt.field, tt.offers)
			return c.NoContent()
		}, request("GET", "/", "", acceptLine("Accept", tt.field)...))
		require.Equal(t, "Accept", answer.Headers.Get("Vary"))
	}
}

func acceptLine(name, field string) []string {
	if field == "-" {
		return nil
	}
	return []string{name + ": " + field}
}

func TestAcceptsSeveralLines(t *testing.T) {
	within(t, "/", request("GET", "/", "", "Accept: text/html;q=0.5", "accept: application/json"), func(c *Context) {
		require.Equal(t, "json", c.Accepts("html", "json"))
	})
}

func TestAcceptIsBounded(t *testing.T) {
	const many = maxAccept - 1
	for _, lines := range [][]string{
		{"Accept: " + strings.Repeat("a/b,", many+1) + "text/html"},
		{"Accept: " + strings.Repeat(",", many+1) + "text/html, text/html"},
		{"Accept: " + strings.Repeat("a/b,", many), "Accept: a/b, text/html"},
	} {
		within(t, "/", request("GET", "/", "", lines...), func(c *Context) {
			require.NotEqual(t, "html", c.Accepts("json", "html"))
		})
	}
	within(t, "/", request("GET", "/", "", "Accept: "+strings.Repeat("a/b,", many)+"text/html"), func(c *Context) {
		require.Equal(t, "html", c.Accepts("json", "html"))
	})
}

func TestAcceptsEncoding(t *testing.T) {
	for _, tt := range []struct{ field, offers, want string }{
		{"-", "br gzip", "identity"}, // it may not know any
		{"", "br gzip", "identity"},
		{"gzip", "br gzip", "gzip"},
		{"gzip, br", "br gzip", "br"},
		{"gzip;q=0.8, br;q=0.1", "br gzip", "gzip"},
		{"GZIP", "gzip", "gzip"},
		{"x-gzip", "gzip", "gzip"},
		{"x-compress", "compress", "compress"},
		{"*", "br gzip", "br"},
		{"*;q=0.1, br;q=0", "br gzip", "gzip"},
		{"gzip;q=0", "gzip", "identity"},
		{"gzip;q=0.5, identity", "gzip identity", "identity"},
		{"gzip;q=0.5", "identity gzip", "gzip"},
		{"identity;q=0", "gzip", ""},
		{"*;q=0", "gzip", ""},
		{"*;q=0, identity", "gzip", "identity"},
		{"*;q=0, identity;q=0.5", "gzip", "identity"},
		{"identity;q=0, gzip", "gzip", "gzip"},
		{"gzip;level=9, br", "gzip br", "br"},
		{"gz ip, br;q=0.1", "gzip br", "br"},
	} {
		answer := answerTo(t, "/", func(c *Context) error {
			require.Equal(t, tt.want, c.AcceptsEncoding(strings.Fields(tt.offers)...), "%s among %s", tt.field, tt.offers)
			return c.NoContent()
		}, request("GET", "/", "", acceptLine("Accept-Encoding", tt.field)...))
		require.Equal(t, "Accept-Encoding", answer.Headers.Get("Vary"))
	}
}

func TestAcceptsLanguage(t *testing.T) {
	for _, tt := range []struct{ field, offers, want string }{
		{"-", "en de", "en"},
		{"de", "en de", "de"},
		{"DE", "en de", "de"},
		{"en", "de en-GB", "en-GB"},
		{"en-GB", "de en", "en"},
		{"en-GB, en-US;q=0.9", "en-US en-GB", "en-GB"},
		{"en-GB, de;q=0.5", "de en", "en"},
		{"en;q=0.2, en-GB;q=0.8", "en en-GB", "en-GB"},
		{"en-GB;q=0, en", "en-GB en-US", "en-US"},
		{"en-GB;q=0", "en de", ""},
		{"en-GB;q=0, *", "en", "en"},
		{"e n", "de en", "de"},
		{"eng", "en", ""},
		{"en", "eng", ""},
		{"fr, *;q=0.1", "de en", "de"},
		{"fr, *;q=0.1, de;q=0", "de en", "en"},
		{"fr", "de en", ""},
		{"zh-Hant-TW", "zh-Hans zh-Hant", "zh-Hant"},
	} {
		answer := answerTo(t, "/", func(c *Context) error {
			require.Equal(t, tt.want, c.AcceptsLanguage(strings.Fields(tt.offers)...), "%s among %s", tt.field, tt.offers)
			return c.NoContent()
		}, request("GET", "/", "", acceptLine("Accept-Language", tt.field)...))
		require.Equal(t, "Accept-Language", answer.Headers.Get("Vary"))
	}
}

// CVE-2026-42554 (fiber): text of a client became HTML, because the form was
// made of the value once the client had asked for HTML.
func TestNegotiate(t *testing.T) {
	const script = "<script>alert(1)</script>"
	offers := Offers{JSON: map[string]string{"a": script}, HTML: "<p>escaped</p>", Text: script}
	for _, tt := range []struct {
		accept      string
		offers      Offers
		status      int
		contentType string
		body        string
	}{
		{"application/json", offers, 201, "application/json", `{"a":"\u003cscript\u003ealert(1)\u003c/script\u003e"}`},
		{"text/html", offers, 201, "text/html; charset=utf-8", "<p>escaped</p>"},
		{"text/plain", offers, 201, "text/plain; charset=utf-8", script},
		{"*/*", offers, 201, "application/json", `{"a":"\u003cscript\u003ealert(1)\u003c/script\u003e"}`},
		{"text/html", Offers{Text: script}, 406, "application/problem+json", ""},
		{"text/html, */*;q=0.1", Offers{Text: script}, 201, "text/plain; charset=utf-8", script},
		{"image/png", offers, 406, "application/problem+json", ""},
		{"*/*", Offers{}, 500, "application/problem+json", ""},
	} {
		answer := answerTo(t, "/", func(c *Context) error { return c.Negotiate(201, tt.offers) }, request("GET", "/", "", "Accept: "+tt.accept))
		require.Equal(t, tt.status, answer.Status, tt.accept)
		require.Equal(t, tt.contentType, answer.Headers.Get("Content-Type"))
		require.Equal(t, "Accept", answer.Headers.Get("Vary"))
		if tt.body != "" {
			require.Equal(t, tt.body, string(answer.Body))
		}
	}
}

func FuzzAccept(f *testing.F) {
	for _, tt := range acceptCases {
		f.Add(tt.field)
	}
	f.Fuzz(func(t *testing.T, field string) {
		rest := field
		for rest != "" {
			var member string
			member, rest = cutUnquoted(rest, ',')
			name, weight, ok := cutWeight(strings.Trim(member, " \t"))
			if !ok {
				continue
			}
			require.True(t, weight >= 0 && weight <= 1000)
			r, ok := mediaRange(strings.ToLower(name))
			if !ok {
				continue
			}
			// A range covers what it names, and refuses it with weight zero.
			if !strings.Contains(r.name, "*") && !strings.Contains(name, `"`) {
				r.weight = weight
				got := prefer([]acceptRange{r}, []string{name}, func(offer string, r acceptRange) int { return matchMedia(longType(offer), r) })
				require.Equal(t, weight > 0, got == name, "%q", name)
			}
		}
	})
}
