package middleware

import (
	"fmt"
	"strconv"
	"time"

	"wherry.example/wherry"
)

// NotSent, as the value of a field in options, leaves the field out.
const NotSent = "-"

// SecureHeadersOptions has the values of the fields that [SecureHeaders] sets.
// An empty one is the default that stands at it, [NotSent] leaves it out.
type SecureHeadersOptions struct {
	// ContentTypeOptions is X-Content-Type-Options. Default nosniff.
	ContentTypeOptions string
	// FrameOptions is X-Frame-Options. Default SAMEORIGIN.
	FrameOptions string
	// ReferrerPolicy is Referrer-Policy. Default no-referrer.
	ReferrerPolicy string
	// OpenerPolicy is Cross-Origin-Opener-Policy. Default same-origin.
	OpenerPolicy string
	// ResourcePolicy is Cross-Origin-Resource-Policy. Default same-origin;
	// pages elsewhere that show images of this server need cross-origin.
	ResourcePolicy string
	// EmbedderPolicy is Cross-Origin-Embedder-Policy. Default not sent, as it
	// keeps pages from showing what is elsewhere.
	EmbedderPolicy string
	// ContentSecurityPolicy is Content-Security-Policy. Default not sent, as
	// only the author of the pages knows it; an API that has none may send
	// "default-src 'none'; frame-ancestors 'none'".
	ContentSecurityPolicy string
	// PermissionsPolicy is Permissions-Policy. Default not sent.
	PermissionsPolicy string
	// HSTS is how long browsers are to use this host over TLS only. Default
	// not sent. It is sent in answers to requests that came over TLS, see
	// [SchemeOf]. It cannot be taken back for that long.
	HSTS time.Duration
	// HSTSSubdomains includes all names below.
	HSTSSubdomains bool
	// HSTSPreload asks to be built into browsers; needs HSTSSubdomains and a
	// year of HSTS.
	HSTSPreload bool
}

type securityField struct{ name, value string }

// SecureHeaders sets fields by which browsers restrict what may be done with
// an answer. A handler may set others in their place. X-XSS-Protection is not
// sent: what it switches on did harm and is gone from browsers.
//
// It stands inside of [ClientIP], which knows whether a proxy was asked over
// TLS, and outside of all that answers by itself: [HTTPSRedirect] too, so that
// what that sends or refuses has the fields. HSTS never goes out with a
// redirect from clear, and always with any over TLS. Answers of BeforeRouting
// hooks do not have the fields.
func SecureHeaders(options ...SecureHeadersOptions) wherry.Middleware {
	o, wrong := given("SecureHeaders", options)
	if wrong != nil {
		return wrong
	}
	fields, err := o.fields()
	if err != nil {
		return cannot("SecureHeaders: %w", err)
	}
	hsts, err := o.hsts()
	if err != nil {
		return cannot("%w", err)
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			for i := range fields {
				c.SetHeader(fields[i].name, fields[i].value)
			}
			if hsts != "" && SchemeOf(c) == "https" {
				c.SetHeader("Strict-Transport-Security", hsts)
			}
			return next(c)
		}
	}
}

func (o *SecureHeadersOptions) fields() ([]securityField, error) {
	var fields []securityField
	for _, f := range []struct{ option, name, value, standard string }{
		{"ContentTypeOptions", "X-Content-Type-Options", o.ContentTypeOptions, "nosniff"},
		{"FrameOptions", "X-Frame-Options", o.FrameOptions, "SAMEORIGIN"},
		{"ReferrerPolicy", "Referrer-Policy", o.ReferrerPolicy, "no-referrer"},
		{"OpenerPolicy", "Cross-Origin-Opener-Policy", o.OpenerPolicy, "same-origin"},
		{"ResourcePolicy", "Cross-Origin-Resource-Policy", o.ResourcePolicy, "same-origin"},
		{"EmbedderPolicy", "Cross-Origin-Embedder-Policy", o.EmbedderPolicy, NotSent},
		{"ContentSecurityPolicy", "Content-Security-Policy", o.ContentSecurityPolicy, NotSent},
		{"PermissionsPolicy", "Permissions-Policy", o.PermissionsPolicy, NotSent},
	} {
		if f.value == "" {
			f.value = f.standard
		}
		if err := checkValue(f.option, f.value); err != nil {
			return nil, err
		}
		if f.value != NotSent {
			fields = append(fields, securityField{f.name, f.value})
		}
	}
	return fields, nil
}

const year = 365 * 24 * time.Hour

// hsts returns the value of Strict-Transport-Security, RFC 6797 section 6.1.
func (o *SecureHeadersOptions) hsts() (string, error) {
	switch {
	case o.HSTS < 0 || o.HSTS > 0 && o.HSTS < time.Second:
		return "", fmt.Errorf("SecureHeaders: HSTS is %v; give whole seconds, 0 to send none", o.HSTS)
	case o.HSTS == 0 && (o.HSTSSubdomains || o.HSTSPreload):
		return "", fmt.Errorf("SecureHeaders: HSTSSubdomains and HSTSPreload say nothing without HSTS; give a duration")
	case o.HSTSPreload && (!o.HSTSSubdomains || o.HSTS < year):
		return "", fmt.Errorf("SecureHeaders: HSTSPreload needs HSTSSubdomains and HSTS of at least %v", year)
	case o.HSTS == 0:
		return "", nil
	}
	value := "max-age=" + strconv.FormatInt(int64(o.HSTS/time.Second), 10)
	if o.HSTSSubdomains {
		value += "; includeSubDomains"
	}
	if o.HSTSPreload {
		value += "; preload"
	}
	return value, nil
}
