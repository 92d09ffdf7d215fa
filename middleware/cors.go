package middleware

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"wherry.example/wherry"
)

// CORSOptions says which pages of other origins may do what. Origins has to be
// given; the rest defaults to what pages may do anyway.
type CORSOptions struct {
	// Origins are those that may read answers: "https://example.org" exactly,
	// "https://*.example.org" for all names below (not that name itself),
	// with ":*" for all ports, or "*" alone for every page there is.
	Origins []string
	// Methods may be used beside GET, HEAD and POST.
	Methods []string
	// RequestFields may be sent beside those that any page may send, as
	// "Content-Type" for JSON, or "Authorization".
	RequestFields []string
	// ExposedFields of the answer may be read by the page.
	ExposedFields []string
	// Credentials lets the page send cookies and the like. Impossible with
	// "*" in Origins, and with http: origins other than loopback.
	Credentials bool
	// MaxAge is how long a browser may remember the answer to a preflight:
	// up to 24 h, 0 for what the browser chooses (5 s), negative for not at
	// all.
	MaxAge time.Duration
	// DangerouslyAllowInsecureOrigins lets Credentials be combined with http:
	// origins, so that anybody between them and a browser can act for a user.
	DangerouslyAllowInsecureOrigins bool
	// Refused is told why a request gets no permission, on the goroutine of
	// the handler. Neither page nor client learns the reason.
	Refused func(c *wherry.Context, why string)
}

// Names of the fields of CORS, https://fetch.spec.whatwg.org/#http-cors-protocol.
const (
	fieldAllowOrigin      = "Access-Control-Allow-Origin"
	fieldAllowCredentials = "Access-Control-Allow-Credentials"
	fieldAllowMethods     = "Access-Control-Allow-Methods"
	fieldAllowHeaders     = "Access-Control-Allow-Headers"
	fieldExposeHeaders    = "Access-Control-Expose-Headers"
	fieldMaxAge           = "Access-Control-Max-Age"
	fieldRequestMethod    = "Access-Control-Request-Method"
	fieldRequestHeaders   = "Access-Control-Request-Headers"
)

// cors is set at construction, then read-only.
type cors struct {
	options  CORSOptions
	anyone   bool
	exact    map[string]string // an origin as it is sent back
	patterns []originPattern
	methods  map[string]struct{}
	fields   map[string]struct{} // in lower case
	// Fields of answers to preflights, and of others; "" is not sent.
	allowMethods, allowFields, maxAge, expose string
}

// CORS lets pages of the named origins read answers, and answers preflights
// (OPTIONS with Origin and Access-Control-Request-Method) by itself: 204 if
// the page may do what it asks, else 403 that does not say what it could do.
// Without permission other requests are served as always, and the browser
// keeps the answer from the page; [CSRF] is what refuses them.
//
// It belongs into [wherry.App.Use], where it is around the answers 404 and 405
// and to OPTIONS too, so that a preflight is answered whatever the routes are;
// on a group it serves paths that exist there. It stands outside of
// authentication, which would refuse preflights, and of RateLimit, whose
// refusals pages should be able to read. Answers of a BeforeRouting hook have
// no permission. Do not use it twice around one handler, and set no
// Access-Control field by hand.
func CORS(o CORSOptions) wherry.Middleware {
	m, err := newCORS(o)
	if err != nil {
		return cannot("%w", err)
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			if m.preflight(c) {
				return m.answer(c)
			}
			m.permit(c)
			err := next(c)
			if !m.anyone && !c.Committed() {
				c.Vary(wherry.HeaderOrigin) // the handler may have set another Vary
			}
			return err
		}
	}
}

func (m *cors) preflight(c *wherry.Context) bool {
	return c.Method() == "OPTIONS" && len(c.HeaderBytes(wherry.HeaderOrigin)) > 0 && len(c.HeaderBytes(fieldRequestMethod)) > 0
}

// permit sets the fields of an answer that is no preflight's.
func (m *cors) permit(c *wherry.Context) {
	if !m.anyone {
		c.Vary(wherry.HeaderOrigin)
	}
	origin := c.HeaderBytes(wherry.HeaderOrigin)
	if len(origin) == 0 && !m.anyone {
		return
	}
	allowed := m.allowed(origin)
	if allowed == "" {
		m.refuse(c, "the origin is none of Origins")
		return
	}
	m.grant(c, allowed)
	if m.expose != "" {
		c.SetHeader(fieldExposeHeaders, m.expose)
	}
}

func (m *cors) grant(c *wherry.Context, origin string) {
	c.SetHeader(fieldAllowOrigin, origin)
	if m.options.Credentials {
		c.SetHeader(fieldAllowCredentials, "true")
	}
}

// allowed returns the value of Access-Control-Allow-Origin, "" for none.
func (m *cors) allowed(origin []byte) string {
	if m.anyone {
		return "*"
	}
	if known, ok := m.exact[string(origin)]; ok {
		return known
	}
	for i := range m.patterns {
		if m.patterns[i].matches(string(origin)) {
			return string(origin)
		}
	}
	return ""
}

// answer answers a preflight.
func (m *cors) answer(c *wherry.Context) error {
	c.Vary(wherry.HeaderOrigin, fieldRequestMethod, fieldRequestHeaders)
	origin := m.allowed(c.HeaderBytes(wherry.HeaderOrigin))
	_, method := m.methods[string(c.HeaderBytes(fieldRequestMethod))]
	switch {
	case origin == "":
		return m.deny(c, "the origin is none of Origins")
	case !method:
		return m.deny(c, "the method is none of Methods")
	case !m.allowsFields(c.Headers().Values(fieldRequestHeaders)):
		return m.deny(c, "a requested field is none of RequestFields")
	}
	m.grant(c, origin)
	c.SetHeader(fieldAllowMethods, m.allowMethods)
	if m.allowFields != "" {
		c.SetHeader(fieldAllowHeaders, m.allowFields)
	}
	if m.maxAge != "" {
		c.SetHeader(fieldMaxAge, m.maxAge)
	}
	return c.Status(204).NoContent()
}

func (m *cors) deny(c *wherry.Context, why string) error {
	m.refuse(c, why)
	return &wherry.Error{Status: 403, Detail: "The preflight was refused."}
}

func (m *cors) refuse(c *wherry.Context, why string) {
	if m.options.Refused != nil {
		m.options.Refused(c, why)
	}
}

// maxEmpty is how many empty members a list of fields may have. Browsers send
// none, proxies perhaps some.
const maxEmpty = 16

// allowsFields reports whether all requested fields are allowed. It ends at
// the first that is not, so its cost is bounded by what is allowed.
func (m *cors) allowsFields(lines []string) bool {
	empty, named := 0, 0
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.Trim(name, " \t"); name == "" {
				empty++
			} else if named++; !m.allowsField(name) {
				return false
			}
			if empty > maxEmpty || named > maxEmpty+len(m.fields) {
				return false
			}
		}
	}
	return true
}

// allowsField looks a name up without regard to its case. Browsers send lower
// case.
func (m *cors) allowsField(name string) bool {
	_, ok := m.fields[name]
	if !ok {
		_, ok = m.fields[strings.ToLower(name)]
	}
	return ok
}

func newCORS(o CORSOptions) (*cors, error) {
	m := &cors{options: o, exact: map[string]string{}, methods: map[string]struct{}{"GET": {}, "HEAD": {}, "POST": {}}, fields: map[string]struct{}{}}
	if err := m.takeOrigins(o); err != nil {
		return nil, err
	}
	methods := "GET, HEAD, POST"
	for _, name := range o.Methods {
		if !isToken(name) || strings.EqualFold(name, "CONNECT") || strings.EqualFold(name, "TRACE") || strings.EqualFold(name, "TRACK") || name == "*" {
			return nil, fmt.Errorf("CORS: Methods has %q, which no page may use; name methods such as \"PUT\"", name)
		}
		if _, have := m.methods[name]; !have {
			m.methods[name] = struct{}{}
			methods += ", " + name
		}
	}
	m.allowMethods = methods
	for _, name := range o.RequestFields {
		if !isToken(name) || name == "*" {
			return nil, fmt.Errorf("CORS: RequestFields has %q; name each field, as \"Content-Type\"", name)
		}
		m.fields[strings.ToLower(name)] = struct{}{}
	}
	m.allowFields = strings.Join(o.RequestFields, ", ")
	for _, name := range o.ExposedFields {
		if !isToken(name) || name == "*" {
			return nil, fmt.Errorf("CORS: ExposedFields has %q; name each field, as \"ETag\"", name)
		}
	}
	m.expose = strings.Join(o.ExposedFields, ", ")
	switch {
	case o.MaxAge > 24*time.Hour:
		return nil, fmt.Errorf("CORS: MaxAge is %v: no browser remembers longer than 24h; give at most that", o.MaxAge)
	case o.MaxAge < 0:
		m.maxAge = "0"
	case o.MaxAge > 0:
		m.maxAge = strconv.FormatInt(int64((o.MaxAge+time.Second-1)/time.Second), 10)
	}
	return m, nil
}

func (m *cors) takeOrigins(o CORSOptions) error {
	if len(o.Origins) == 0 {
		return fmt.Errorf("CORS: Origins is empty; name those whose pages may read answers, as \"https://example.org\"")
	}
	for _, s := range o.Origins {
		if s == "*" {
			m.anyone = true
			continue
		}
		p, err := parseOriginPattern(s)
		if err != nil {
			return fmt.Errorf("CORS: Origins has %q: %w", s, err)
		}
		if o.Credentials && p.insecure() && !o.DangerouslyAllowInsecureOrigins {
			return fmt.Errorf("CORS: Origins has %q together with Credentials: whoever is between it and a browser could act for the user; use https", s)
		}
		if p.exact() {
			m.exact[s] = s
		} else {
			m.patterns = append(m.patterns, p)
		}
	}
	switch {
	case m.anyone && o.Credentials:
		return fmt.Errorf("CORS: Origins has \"*\" together with Credentials: every page could act for the user; name the origins")
	case m.anyone && len(o.Origins) > 1:
		return fmt.Errorf("CORS: Origins has \"*\" and others; give \"*\" alone or leave it out")
	}
	return nil
}
