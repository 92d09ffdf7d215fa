package wherry

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"wherry.example/wherry/internal/http1"
)

// This file reads and writes cookies: RFC 6265bis. What a browser would drop
// or misread is an error here, before it is sent.

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
	// MaxAge is how long the cookie lives, in whole seconds; 0 until the
	// browser is closed, negative deletes it.
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

const (
	// maxCookie is the size of name and value, and maxAttribute that of the
	// value of an attribute, which browsers take: section 5.6.
	maxCookie    = 4096
	maxAttribute = 1024
	// maxCookies is how many pairs of a request are looked at. Browsers send
	// fewer than that.
	maxCookies = 200
)

// SetCookie adds a cookie to the answer. A cookie that browsers would drop or
// misread is an error and is not sent. A value is sent as it is: encode what
// may hold blanks, quotes, commas, semicolons, backslashes or other than
// ASCII characters.
func (c *Context) SetCookie(cookie Cookie) error {
	c.here()
	if err := cookie.check(); err != nil {
		return fmt.Errorf("wherry: cookie %q: %w", cookie.Name, err)
	}
	c.AddHeader(HeaderSetCookie, cookie.line())
	return nil
}

// DeleteCookie tells the browser to forget the cookie of this name that was
// set with the path "/", without a domain and not partitioned. For another
// one set it again with the same Path, Domain and Partitioned, and a negative
// MaxAge.
func (c *Context) DeleteCookie(name string) error {
	p := prefixOf(name)
	return c.SetCookie(Cookie{Name: name, MaxAge: -1, Secure: p.secure, HTTPOnly: p.httpOnly})
}

// line is the value of Set-Cookie, section 4.1.
func (k *Cookie) line() string {
	b := []byte(k.Name + "=" + k.Value + "; Path=")
	if k.Path == "" {
		b = append(b, '/')
	}
	b = append(b, k.Path...)
	if k.Domain != "" {
		b = append(append(b, "; Domain="...), strings.TrimPrefix(k.Domain, ".")...)
	}
	if !k.Expires.IsZero() {
		b = http1.AppendDate(append(b, "; Expires="...), k.Expires.Unix())
	}
	switch {
	case k.MaxAge < 0:
		b = append(b, "; Max-Age=0"...)
	case k.MaxAge > 0:
		seconds := int64(k.MaxAge / time.Second)
		if k.MaxAge%time.Second > 0 {
			seconds++ // round up: a short life is not none
		}
		b = strconv.AppendInt(append(b, "; Max-Age="...), seconds, 10)
	}
	if k.Secure {
		b = append(b, "; Secure"...)
	}
	if k.HTTPOnly {
		b = append(b, "; HttpOnly"...)
	}
	b = append(b, "; SameSite="...)
	if k.SameSite == "" {
		b = append(b, SameSiteLax...)
	}
	b = append(b, k.SameSite...)
	if k.Partitioned {
		b = append(b, "; Partitioned"...)
	}
	return string(b)
}

// check refuses what browsers would drop or misread.
func (k *Cookie) check() error {
	switch {
	case !http1.IsToken(k.Name):
		return errors.New("the name is no token")
	case !cookieValue(k.Value):
		return errors.New("the value has bytes that cannot be sent; encode it")
	case len(k.Name)+len(k.Value) > maxCookie:
		return fmt.Errorf("name and value are longer than %d bytes", maxCookie)
	case k.Path != "" && (k.Path[0] != '/' || !attributeValue(k.Path)):
		return fmt.Errorf("the path does not begin with a slash, has bytes that cannot be sent, or is longer than %d bytes", maxAttribute)
	case k.Domain != "" && !cookieDomain(strings.TrimPrefix(k.Domain, ".")):
		return errors.New("the domain is no host name")
	case !k.Expires.IsZero() && (k.Expires.UTC().Year() < 1601 || k.Expires.UTC().Year() > 9999):
		return errors.New("the date in Expires is not between the years 1601 and 9999")
	case k.SameSite != "" && k.SameSite != SameSiteLax && k.SameSite != SameSiteStrict && k.SameSite != SameSiteNone:
		return fmt.Errorf("SameSite %q is unknown", k.SameSite)
	case k.SameSite == SameSiteNone && !k.Secure:
		return errors.New("SameSite=None needs Secure")
	case k.Partitioned && !k.Secure:
		return errors.New("a partitioned cookie needs Secure")
	}
	return k.checkPrefix()
}

// checkPrefix holds a cookie to what the prefix of its name promises, section
// 4.1.3.
func (k *Cookie) checkPrefix() error {
	switch p := prefixOf(k.Name); {
	case p.secure && !k.Secure:
		return errors.New("the prefix of its name needs Secure")
	case p.httpOnly && !k.HTTPOnly:
		return errors.New("the prefix of its name needs HTTPOnly")
	case p.host && (k.Domain != "" || k.Path != "" && k.Path != "/"):
		return errors.New("the prefix of its name needs the path / and no domain")
	}
	return nil
}

// cookiePrefix is what the prefix of a name promises.
type cookiePrefix struct {
	name                   string
	secure, httpOnly, host bool
}

// cookiePrefixes has longer ones before those they begin with.
var cookiePrefixes = [...]cookiePrefix{
	{name: "__Host-Http-", secure: true, httpOnly: true, host: true},
	{name: "__Host-", secure: true, host: true},
	{name: "__Http-", secure: true, httpOnly: true},
	{name: "__Secure-", secure: true},
}

// prefixOf finds the prefix in any case, as browsers do.
func prefixOf(name string) cookiePrefix {
	for _, p := range cookiePrefixes {
		if len(name) >= len(p.name) && equalFold(name[:len(p.name)], p.name) {
			return p
		}
	}
	return cookiePrefix{}
}

// cookieValue reports whether s is *cookie-octet, section 4.1.1.
func cookieValue(s string) bool {
	for i := 0; i < len(s); i++ {
		if b := s[i]; b <= ' ' || b >= 0x7f || b == '"' || b == ',' || b == ';' || b == '\\' {
			return false
		}
	}
	return true
}

// attributeValue reports whether s is av-octets that browsers heed.
func attributeValue(s string) bool {
	for i := 0; i < len(s); i++ {
		if b := s[i]; b < ' ' || b >= 0x7f || b == ';' {
			return false
		}
	}
	return len(s) <= maxAttribute
}

// cookieDomain reports whether s is a host name of labels of letters, digits
// and inner hyphens, RFC 1123 section 2.1.
func cookieDomain(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := 0; i < len(label); i++ {
			if b := label[i]; b != '-' && (b < '0' || b > '9') && (b|0x20 < 'a' || b|0x20 > 'z') {
				return false
			}
		}
	}
	return len(s) <= 255
}

// Cookie returns the value of the first cookie of that name that the client
// has sent; names are compared with their case. Quotes around a value are
// removed. Where a cookie was set is not known here: only the prefix __Host-
// in its name makes sure that it was this host.
func (c *Context) Cookie(name string) (value string, found bool) {
	c.here()
	for have, value := range c.cookies {
		if string(have) == name {
			return string(value), true
		}
	}
	return "", false
}

// Cookies yields the names and values of the cookies that the client has
// sent, in order, see [Context.Cookie]. Names may repeat.
func (c *Context) Cookies() iter.Seq2[string, string] {
	c.here()
	return func(yield func(string, string) bool) {
		for name, value := range c.cookies {
			if !yield(string(name), string(value)) {
				return
			}
		}
	}
}

// cookies yields the well-formed pairs of all Cookie fields. They point into
// the head.
func (c *Context) cookies(yield func(name, value []byte) bool) {
	left := maxCookies
	for i := c.head.Find(HeaderCookie, 0); i >= 0; i = c.head.Find(HeaderCookie, i+1) {
		for rest := c.head.Value(i); len(rest) > 0 && left > 0; left-- {
			var name, value []byte
			var ok bool
			if name, value, rest, ok = nextCookie(rest); ok && !yield(name, value) {
				return
			}
		}
	}
}

// nextCookie cuts the first pair off a cookie-string, RFC 6265bis section
// 4.2. A semicolon ends a pair even within quotes, as for browsers: a reader
// that knew quotes would take one cookie for another. A pair without "=" or
// without a name is none: it could otherwise pass for a name with a prefix.
func nextCookie(s []byte) (name, value, rest []byte, ok bool) {
	pair, rest, _ := bytes.Cut(s, []byte{';'})
	name, value, ok = bytes.Cut(bytes.Trim(pair, " \t"), []byte{'='})
	name = bytes.Trim(name, " \t")
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1]
	}
	return name, value, rest, ok && http1.IsToken(name) && readableValue(value)
}

// readableValue is wider than cookieValue: others have set cookies with
// blanks and commas.
func readableValue(s []byte) bool {
	for _, b := range s {
		if b < ' ' || b >= 0x7f || b == '"' || b == ';' || b == '\\' {
			return false
		}
	}
	return true
}
