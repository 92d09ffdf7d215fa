package wherry

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wherry.example/wherry/internal/http1"
)

// This file reads and writes cookies: RFC 6265bis. What a browser would drop
// is an error here, before it is sent.

// SameSite says on which requests from other sites a browser sends a cookie.
type SameSite string

// The values of SameSite. The zero value is sent as Lax.
const (
	SameSiteLax    SameSite = "Lax"
	SameSiteStrict SameSite = "Strict"
	SameSiteNone   SameSite = "None" // needs Secure
)

// Cookie is a cookie to be set.
type Cookie struct {
	Name, Value string
	// Path is "/" if it is empty.
	Path string
	// Domain makes the cookie visible to all hosts below it; empty means the
	// answering host alone.
	Domain string
	// MaxAge is how long the cookie lives; 0 until the browser is closed,
	// negative deletes it.
	MaxAge time.Duration
	// Expires is an older way to say the same; MaxAge wins in browsers.
	Expires time.Time
	// Secure sends the cookie over TLS only.
	Secure bool
	// HTTPOnly hides the cookie from scripts.
	HTTPOnly bool
	// SameSite is Lax if it is empty.
	SameSite SameSite
	// Partitioned keeps the cookie apart for each top-level site; needs
	// Secure.
	Partitioned bool
}

// maxCookie is the size of name and value that browsers take.
const maxCookie = 4096

// SetCookie adds a cookie to the answer. A cookie that browsers would drop or
// misread is an error and is not sent.
func (c *Context) SetCookie(cookie Cookie) error {
	line, err := cookie.line()
	if err != nil {
		return err
	}
	c.AddHeader(HeaderSetCookie, line)
	return nil
}

// DeleteCookie tells the browser to forget the cookie of this name with the
// path "/" and no domain.
func (c *Context) DeleteCookie(name string) error {
	lower := strings.ToLower(name)
	secure := strings.HasPrefix(lower, "__host-") || strings.HasPrefix(lower, "__secure-")
	return c.SetCookie(Cookie{Name: name, MaxAge: -1, Secure: secure})
}

func (k *Cookie) line() (string, error) {
	if err := k.check(); err != nil {
		return "", fmt.Errorf("wherry: cookie %q: %w", k.Name, err)
	}
	var b strings.Builder
	b.WriteString(k.Name + "=" + k.Value)
	if k.Path == "" {
		b.WriteString("; Path=/")
	} else {
		b.WriteString("; Path=" + k.Path)
	}
	if k.Domain != "" {
		b.WriteString("; Domain=" + strings.TrimPrefix(k.Domain, "."))
	}
	if !k.Expires.IsZero() {
		b.WriteString("; Expires=")
		b.Write(http1.AppendDate(nil, k.Expires.Unix()))
	}
	switch {
	case k.MaxAge < 0:
		b.WriteString("; Max-Age=0")
	case k.MaxAge > 0:
		seconds := (k.MaxAge + time.Second - 1) / time.Second // round up: a short life is not none
		b.WriteString("; Max-Age=" + strconv.FormatInt(int64(seconds), 10))
	}
	if k.Secure {
		b.WriteString("; Secure")
	}
	if k.HTTPOnly {
		b.WriteString("; HttpOnly")
	}
	if k.SameSite == "" {
		b.WriteString("; SameSite=Lax")
	} else {
		b.WriteString("; SameSite=" + string(k.SameSite))
	}
	if k.Partitioned {
		b.WriteString("; Partitioned")
	}
	return b.String(), nil
}

// check refuses what browsers would drop or misread.
func (k *Cookie) check() error {
	name := strings.ToLower(k.Name)
	switch {
	case !http1.IsToken(k.Name):
		return errors.New("the name is no token")
	case !cookieValue(k.Value):
		return errors.New("the value has bytes that cannot be sent; encode it")
	case len(k.Name)+len(k.Value) > maxCookie:
		return fmt.Errorf("name and value are longer than %d bytes", maxCookie)
	case k.Path != "" && (k.Path[0] != '/' || !attributeValue(k.Path)):
		return errors.New("the path does not begin with a slash, or has bytes that cannot be sent")
	case k.Domain != "" && !http1.ValidHost([]byte(strings.TrimPrefix(k.Domain, "."))) || strings.ContainsAny(k.Domain, ":;,[]"):
		return errors.New("the domain is no host name")
	case !k.Expires.IsZero() && (k.Expires.UTC().Year() < 1601 || k.Expires.UTC().Year() > 9999):
		return errors.New("Expires is not between the years 1601 and 9999")
	case k.SameSite != "" && k.SameSite != SameSiteLax && k.SameSite != SameSiteStrict && k.SameSite != SameSiteNone:
		return fmt.Errorf("SameSite %q is unknown", k.SameSite)
	case k.SameSite == SameSiteNone && !k.Secure:
		return errors.New("SameSite=None needs Secure")
	case k.Partitioned && !k.Secure:
		return errors.New("Partitioned needs Secure")
	case strings.HasPrefix(name, "__secure-") && !k.Secure:
		return errors.New("the prefix __Secure- needs Secure")
	case strings.HasPrefix(name, "__host-") && (!k.Secure || k.Domain != "" || k.Path != "" && k.Path != "/"):
		return errors.New("the prefix __Host- needs Secure, the path / and no domain")
	}
	return nil
}

// cookieValue reports whether s is *cookie-octet, RFC 6265bis section 4.1.1.
func cookieValue(s string) bool {
	for i := 0; i < len(s); i++ {
		if b := s[i]; b <= ' ' || b >= 0x7f || b == '"' || b == ',' || b == ';' || b == '\\' {
			return false
		}
	}
	return true
}

func attributeValue(s string) bool {
	for i := 0; i < len(s); i++ {
		if b := s[i]; b < ' ' || b >= 0x7f || b == ';' {
			return false
		}
	}
	return true
}

// maxCookies is how many pairs of a request are looked at.
const maxCookies = 200

// Cookie returns the value of the first cookie of that name that the client
// has sent; names are compared with their case. Quotes around a value are
// removed. Where a cookie was set is not known here: only the prefix __Host-
// in its name makes sure that it was this host.
func (c *Context) Cookie(name string) (value string, found bool) {
	seen := 0
	for i := c.head.Find(HeaderCookie, 0); i >= 0; i = c.head.Find(HeaderCookie, i+1) {
		for pair := range strings.SplitSeq(string(c.head.Value(i)), ";") {
			if seen++; seen > maxCookies {
				return "", false
			}
			have, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
			if !ok || strings.TrimRight(have, " \t") != name {
				continue
			}
			value = strings.TrimLeft(value, " \t")
			if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
				value = value[1 : len(value)-1]
			}
			if cookieValue(value) {
				return value, true
			}
		}
	}
	return "", false
}
