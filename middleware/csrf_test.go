package middleware_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

var csrfTrusted = []string{"https://trusted.example", "http://plain.example:8080"}

func csrfApp() *wherry.App {
	app := wherry.New().Use(middleware.CSRF(middleware.CSRFOptions{TrustedOrigins: csrfTrusted}))
	for _, method := range csrfMethods {
		app.Handle(method, "/", func(c *wherry.Context) error { return c.Status(204).NoContent() })
	}
	return app
}

var (
	csrfMethods = []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "GETX", "QUERY"}
	csrfSites   = []string{"-", "", "same-origin", "none", "same-site", "cross-site", "Same-Origin", "same-origin, none", "x"}
	csrfOrigins = []string{
		"-", "", "null", "https://example.com", "http://example.com", "https://example.com:443", "https://example.com:8443", "HTTPS://EXAMPLE.COM",
		"https://evil.example", "https://example.com.evil.example", "https://evilexample.com", "https://example.com/", "https://user@example.com",
		"//example.com", "example.com", "https://trusted.example", "https://trusted.example/", "https://TRUSTED.example", "http://trusted.example",
		"https://trusted.example:443", "http://plain.example:8080", "http://plain.example", "https://[::1]", "https://exa mple.com", "https://example.com, https://evil.example",
		"https://%65xample.com", "ftp://example.com", "https://example.com?x", "https://example.com#x", "https://ex\u00e4mple.com", "data:", "https:///",
	}
	csrfHosts = []string{"example.com", "example.com:8443", "EXAMPLE.com", "trusted.example", "[::1]"}
)

// TestCSRFAgrees: every answer is that of net/http's CrossOriginProtection.
func TestCSRFAgrees(t *testing.T) {
	standard := http.NewCrossOriginProtection()
	for _, origin := range csrfTrusted {
		require.NoError(t, standard.AddTrustedOrigin(origin))
	}
	app, passed, refused := csrfApp(), 0, 0
	for _, method := range csrfMethods {
		for _, site := range csrfSites {
			for _, origin := range csrfOrigins {
				for _, host := range csrfHosts {
					raw := csrfRequest(method, site, origin, host)
					r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
					require.NoError(t, err, raw)
					want := 204
					if standard.Check(r) != nil {
						want = 403
						refused++
					} else {
						passed++
					}
					require.Equal(t, want, statusOf(t, app, raw), raw)
				}
			}
		}
	}
	require.Greater(t, passed, 1000)
	require.Greater(t, refused, 1000)
}

func csrfRequest(method, site, origin, host string) string {
	raw := method + " / HTTP/1.1\r\nHost: " + host + "\r\n"
	if site != "-" {
		raw += "Sec-Fetch-Site: " + site + "\r\n"
	}
	if origin != "-" {
		raw += "Origin: " + origin + "\r\n"
	}
	return raw + "\r\n"
}

// FuzzCSRF holds the two together for whatever a field can carry.
func FuzzCSRF(f *testing.F) {
	for _, origin := range csrfOrigins {
		f.Add("same-site", origin, "example.com")
		f.Add("", origin, "example.com")
	}
	standard := http.NewCrossOriginProtection()
	for _, origin := range csrfTrusted {
		require.NoError(f, standard.AddTrustedOrigin(origin))
	}
	app := csrfApp()
	f.Fuzz(func(t *testing.T, site, origin, host string) {
		raw := csrfRequest("POST", site, origin, host)
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			return
		}
		answers, err := app.Test(raw)
		if err != nil || len(answers) != 1 || answers[0].Status != 204 && answers[0].Status != 403 {
			return // this server is stricter about requests
		}
		require.Equal(t, standard.Check(r) == nil, answers[0].Status == 204, raw)
	})
}

// TestCSRFSpoofs names what went wrong elsewhere.
func TestCSRFSpoofs(t *testing.T) {
	app := csrfApp()
	for name, request := range map[string]string{
		"CVE-2025-47909: the scheme of a trusted origin counts":  csrfRequest("POST", "-", "http://trusted.example", "example.com"),
		"CVE-2025-24358: Referer is not asked":                   csrfRequest("POST", "cross-site", "-", "example.com"),
		"CVE-2023-45128: a token of the client's own is no help": strings.Replace(csrfRequest("POST", "cross-site", "https://evil.example", "example.com"), "\r\n\r\n", "\r\nX-Csrf-Token: a\r\nCookie: csrf_=a\r\n\r\n", 1),
		"a trusted origin does not make others trusted":          csrfRequest("POST", "cross-site", "https://trusted.example.evil.example", "example.com"),
		"null is nobody": csrfRequest("POST", "cross-site", "null", "example.com"),
	} {
		require.Equal(t, 403, statusOf(t, app, request), name)
	}
}

// TestCSRFPathTricks: CVE-2025-47910 was a bypass by path; there is none here
// that a path could match, also where a hook rewrites it or the method.
func TestCSRFPathTricks(t *testing.T) {
	app := csrfApp().BeforeRouting(func(c *wherry.Context) error {
		if m := c.Header("X-Http-Method-Override"); m != "" {
			c.SetMethod(m)
		}
		return nil
	})
	evil := "Host: example.com\r\nSec-Fetch-Site: cross-site\r\n"
	for _, target := range []string{"/", "//", "/../", "/%2e%2e/", "/nowhere"} {
		require.Equal(t, 403, statusOf(t, app, "POST "+target+" HTTP/1.1\r\n"+evil+"\r\n"), target)
	}
	require.Equal(t, 403, statusOf(t, app, "GET / HTTP/1.1\r\n"+evil+"X-Http-Method-Override: DELETE\r\n\r\n"))
}

func TestCSRFRefused(t *testing.T) {
	var told []string
	app := wherry.New().
		Use(middleware.CSRF(middleware.CSRFOptions{Refused: func(_ *wherry.Context, why string) { told = append(told, why) }})).
		Post("/", hello)
	answer := answerTo(t, app, "POST / HTTP/1.1\nSec-Fetch-Site: same-site")
	require.Equal(t, 403, answer.Status)
	require.NotContains(t, string(answer.Body), "Sec-Fetch-Site")
	answerTo(t, app, "POST / HTTP/1.1\nOrigin: https://evil.example")
	require.Len(t, told, 2)
	require.NotEqual(t, told[0], told[1])
}

func TestCSRFMistakes(t *testing.T) {
	for _, origin := range []string{"", "*", "null", "example.org", "//example.org", "https://example.org/", "https://example.org:443", "https://Example.org", "https://*.example.org", "https://example.org:*", "https://u@example.org"} {
		require.Contains(t, mistakeOf(t, middleware.CSRF(middleware.CSRFOptions{TrustedOrigins: []string{origin}})), fmt.Sprintf("TrustedOrigins has %q", origin))
	}
}

func ExampleCSRF() {
	app := wherry.New().
		Use(middleware.CSRF()).
		Post("/transfer", func(c *wherry.Context) error { return c.NoContent() })
	for _, site := range []string{"same-origin", "cross-site"} {
		answers, err := app.Test("POST /transfer HTTP/1.1\r\nHost: bank.example\r\nSec-Fetch-Site: " + site + "\r\n\r\n")
		if err != nil {
			panic(err)
		}
		fmt.Println(site, answers[0].Status)
	}
	// Output:
	// same-origin 204
	// cross-site 403
}
