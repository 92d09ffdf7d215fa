package middleware

import (
	"wherry.example/wherry"
)

// KeyAuthOptions says who may pass [KeyAuth]. Either Keys or Check is
// required.
type KeyAuthOptions struct {
	// Keys maps the name of each client to its key, of at least 16 bytes. Two
	// clients cannot have the same one. Only salted digests of them are kept.
	Keys map[string]string
	// Check is asked instead, for keys that are kept elsewhere. It returns
	// the name of the client. Look the key up by a digest of it, never by
	// comparing the key itself. It may block. An error is answered as a
	// handler's.
	Check func(c *wherry.Context, key string) (client string, ok bool, err error)
	// Field is the field that holds the key alone, as "X-API-Key". Empty
	// means Authorization with the scheme Bearer (RFC 6750). There is no way
	// to take a key from a query, which ends in logs and histories.
	Field string
	// Realm is told to the client; "Restricted" if empty.
	Realm string
}

// minKey is how long a key must be: 16 random bytes cannot be guessed.
const minKey = 16

// KeyAuth asks for a key; [KeyAuthClient] tells handlers whose it is. What
// fails is answered 401. Comparing takes the same time whatever is wrong.
//
// It stands inside of CORS (a preflight has no credentials) and of RateLimit,
// and outside of everything that only clients with a key may reach. Do not
// use it over plain HTTP. Do not combine it with [BasicAuth] on one route
// unless Field is set: both read Authorization.
func KeyAuth(o KeyAuthOptions) wherry.Middleware {
	if o.Realm == "" {
		o.Realm = "Restricted"
	}
	switch {
	case o.Check == nil && len(o.Keys) == 0:
		return cannot("KeyAuth: Keys and Check are both missing; give one of them")
	case o.Check != nil && len(o.Keys) > 0:
		return cannot("KeyAuth: Keys and Check are both given; give one of them")
	case !quotable(o.Realm):
		return cannot("KeyAuth: Realm %q cannot stand in a field; use printable ASCII without quotes and backslashes", o.Realm)
	case o.Field != "" && !isToken(o.Field):
		return cannot("KeyAuth: Field %q is no name of a field; give one as \"X-API-Key\"", o.Field)
	}
	check := o.Check
	if check == nil {
		owners := make(map[fingerprint]string, len(o.Keys))
		for client, key := range o.Keys {
			f := fingerprintOf(key)
			if len(key) < minKey || !plainText(key) || client == "" || owners[f] != "" {
				return cannot("KeyAuth: Keys[%q]: the name is empty, or the key is shorter than %d bytes, holds control bytes or belongs to another client", client, minKey)
			}
			owners[f] = client
		}
		check = func(_ *wherry.Context, key string) (string, bool, error) {
			client, ok := owners[fingerprintOf(key)]
			return client, ok, nil
		}
	}
	field, scheme, challenge := wherry.HeaderAuthorization, "Bearer", `Bearer realm="`+o.Realm+`"`
	if o.Field != "" {
		field, scheme, challenge = o.Field, "", `ApiKey realm="`+o.Realm+`"`
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			key, given := credentials(c, field, scheme)
			if !given {
				return refuseKey(c, challenge)
			}
			client, ok, err := check(c, key)
			switch {
			case err != nil:
				return err
			case !ok && scheme != "":
				return refuseKey(c, challenge+`, error="invalid_token"`)
			case !ok:
				return refuseKey(c, challenge)
			}
			keyAuthClient.Set(c, client)
			return next(c)
		}
	}
}

func refuseKey(c *wherry.Context, challenge string) error {
	c.AddHeader(wherry.HeaderWWWAuthenticate, challenge)
	return &wherry.Error{Status: 401}
}

var keyAuthClient = wherry.NewKey[string]("key auth client")

// KeyAuthClient returns whose key has passed [KeyAuth].
func KeyAuthClient(c *wherry.Context) (client string, ok bool) { return keyAuthClient.Get(c) }
