package middleware

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"wherry.example/wherry"
)

// BasicAuthOptions says who may pass [BasicAuth]. Either Users or Check is
// required.
type BasicAuthOptions struct {
	// Users maps names to passwords. Only salted digests of them are kept.
	Users map[string]string
	// Check is asked instead, for users that are kept elsewhere. It must take
	// the same time for a name that it does not know as for a wrong password:
	// compare against the hash of a password that nobody has. It may block.
	// An error is answered as a handler's.
	Check func(c *wherry.Context, user, password string) (bool, error)
	// Realm is told to the client; "Restricted" if empty.
	Realm string
}

// maxCredentials bounds what is decoded of an Authorization field.
const maxCredentials = 4 << 10

// BasicAuth asks for a name and a password, RFC 7617; [BasicAuthUser] tells
// handlers who it is. What fails is answered 401. Comparing takes the same
// time whether the name, the password or both are wrong.
//
// It stands inside of CORS (a preflight has no credentials) and of RateLimit
// (passwords can be guessed), and outside of everything that only users may
// reach. Do not use it over plain HTTP: the password is only encoded. Do not
// combine it with [KeyAuth] on one route: both read Authorization.
func BasicAuth(o BasicAuthOptions) wherry.Middleware {
	if o.Realm == "" {
		o.Realm = "Restricted"
	}
	switch {
	case o.Check == nil && len(o.Users) == 0:
		return cannot("BasicAuth: Users and Check are both missing; give one of them")
	case o.Check != nil && len(o.Users) > 0:
		return cannot("BasicAuth: Users and Check are both given; give one of them")
	case !quotable(o.Realm):
		return cannot("BasicAuth: Realm %q cannot stand in a field; use printable ASCII without quotes and backslashes", o.Realm)
	}
	check := o.Check
	if check == nil {
		known := make(map[string]fingerprint, len(o.Users))
		for user, password := range o.Users {
			if !plainText(user) || strings.Contains(user, ":") || user == "" || !plainText(password) || password == "" {
				return cannot("BasicAuth: Users[%q]: a name or password is empty, holds control bytes, or the name holds a colon", user)
			}
			known[user] = fingerprintOf(password)
		}
		check = checkUsers(known, fingerprintOf)
	}
	challenge := `Basic realm="` + o.Realm + `", charset="UTF-8"`
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			user, password, ok := basicCredentials(c)
			if ok {
				var err error
				if ok, err = check(c, user, password); err != nil {
					return err
				}
			}
			if !ok {
				c.AddHeader(wherry.HeaderWWWAuthenticate, challenge)
				return &wherry.Error{Status: 401}
			}
			basicAuthUser.Set(c, user)
			return next(c)
		}
	}
}

var basicAuthUser = wherry.NewKey[string]("basic auth user")

// BasicAuthUser returns the name with which the request passed [BasicAuth].
func BasicAuthUser(c *wherry.Context) (user string, ok bool) { return basicAuthUser.Get(c) }

// checkUsers compares with the user's password, or for a name that is not
// known with one that nobody has.
func checkUsers(known map[string]fingerprint, digest func(string) fingerprint) func(*wherry.Context, string, string) (bool, error) {
	nobody := fingerprintOf(string(newSalt()))
	return func(_ *wherry.Context, user, password string) (bool, error) {
		want, ok := known[user]
		if !ok {
			want = nobody
		}
		same := digest(password).equal(want)
		return same && ok, nil
	}
}

// basicCredentials reads the Authorization field, which must be one.
func basicCredentials(c *wherry.Context) (user, password string, ok bool) {
	encoded, ok := credentials(c, wherry.HeaderAuthorization, "Basic")
	if !ok {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", "", false
	}
	user, password, ok = strings.Cut(string(decoded), ":")
	return user, password, ok && plainText(user) && plainText(password)
}

// credentials returns what stands behind the scheme in a field that is given
// once.
func credentials(c *wherry.Context, field, scheme string) (string, bool) {
	lines := c.Headers().Values(field)
	if len(lines) != 1 || len(lines[0]) > maxCredentials {
		return "", false
	}
	if scheme == "" {
		return lines[0], lines[0] != ""
	}
	got, rest, found := strings.Cut(lines[0], " ")
	rest = strings.TrimLeft(rest, " ")
	return rest, found && rest != "" && strings.EqualFold(got, scheme)
}

// plainText reports whether s is UTF-8 without control characters.
func plainText(s string) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			return false
		}
	}
	return utf8.ValidString(s)
}

// quotable reports whether s can stand between quotes in a field as it is.
func quotable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			return false
		}
	}
	return true
}
