package wherry

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/internal/http1"
)

// buildRouter enters patterns for GET.
func buildRouter(t testing.TB, patterns ...string) (*hostTable, *router) {
	table := newHostTable()
	for _, p := range patterns {
		require.NoError(t, table.add(&route{method: "GET", pattern: p, loc: "here"}), p)
	}
	table.freeze()
	return table, table.anyHost
}

// lookupCases are paths and what they match: the pattern, and its values.
var lookupCases = []struct {
	patterns string
	path     string
	want     string
}{
	{"/", "/", "/"},
	{"/a /:x /* /**", "/a", "/a"},
	{"/a /:x /* /**", "/b", "/:x b"},
	{"/a /* /**", "/b", "/* b"},
	{"/a /**", "/b", "/** b"},
	{"/a /**", "/b/c", "/** b/c"},
	{"/** /:x /* /a", "/a", "/a"},
	{"/a/:x/c /a/b/:y", "/a/b/c", "/a/b/:y c"},
	{"/a/:x/c /a/b/:y", "/a/z/c", "/a/:x/c z"},
	{"/a/b/c /a/:x/d /*/b/e /**", "/a/b/d", "/a/:x/d b"},
	{"/a/b/c /a/:x/d /*/b/e /**", "/a/b/e", "/*/b/e a"},
	{"/a/b/c /a/:x/d /*/b/e /**", "/a/b/f", "/** a/b/f"},
	{"/u/:id /u/:name/posts", "/u/7/posts", "/u/:name/posts 7"},
	{"/u/:id /u/:name/posts", "/u/7", "/u/:id 7"},
	{"/s/**", "/s", "/s/** "},
	{"/s/**", "/s/", "/s/** "},
	{"/s/**", "/s//", "/s/** /"},
	{"/s/**", "/sx", ""},
	{"/a/", "/a", ""},
	{"/a", "/a/", ""},
	{"/:x", "/", ""},
	{"/*", "/", ""},
	{"/**", "/", "/** "},
	{"/a b", "/a%20b", "/a b"},
	{"/%s", "", ""},
	{"/abcdefghijk/:x", "/abcdefghijk/y", "/abcdefghijk/:x y"},
	{"/abcdefghijk/:x", "/abcdefghijl/y", ""},
	{"/:x/*/*/**", "/1/2/3/4/5", "/:x/*/*/** 1 2 3 4/5"},
	{"/:x", "/a%2Fb", "/:x a%2Fb"},
}

func found(m *match, o outcome) string {
	if o != routeFound {
		return ""
	}
	out := []string{m.route.pattern}
	for i := range m.route.parsed.names {
		out = append(out, string(m.value(i)))
	}
	return strings.Join(out, " ")
}

func TestLookup(t *testing.T) {
	for _, c := range lookupCases {
		if c.path == "" {
			continue
		}
		table, r := buildRouter(t, splitPatterns(c.patterns)...)
		m := table.newMatch()
		require.Equal(t, c.want, found(&m, r.match(&m, "GET", []byte(c.path))), "%s in %s", c.path, c.patterns)
		if strings.Contains(c.path, "%") {
			continue
		}
		m.path = []byte(c.path)
		plain := r.methods[0].root.walk(&m, splitPath(nil, m.path), 0)
		require.Equal(t, m.route, plain, "the plain tree agrees on %s in %s", c.path, c.patterns)
	}
}

// splitPatterns splits at blanks before a slash, so a pattern may hold one.
func splitPatterns(s string) []string {
	parts := strings.Split(s, " /")
	for i := range parts[1:] {
		parts[i+1] = "/" + parts[i+1]
	}
	return parts
}

func TestTreeDrawn(t *testing.T) {
	_, r := buildRouter(t, "/", "/users", "/users/:id", "/users/:id/posts", "/users/*/likes", "/static/**", "/**")
	require.Equal(t, `/ -> /
/static
  /** -> /static/**
/users -> /users
  /: -> /users/:id
    /posts -> /users/:id/posts
  /*
    /likes -> /users/*/likes
/** -> /**
`, r.methods[0].root.String())
}

func TestPatternMistakes(t *testing.T) {
	for pattern, part := range map[string]string{
		"": "begins with a slash", "a": `write "/a"`, "/**/a": "nothing can follow", "/a*": "stands alone", "/***": "stands alone",
		"/:": "name is missing", "/:a-b": "letters, digits", "/:a/:a": "given twice", "/a?b": "no query", "/a#b": "no query",
		"/a%20b": "written decoded", "/a\x01": "control bytes", `/a\b`: "control bytes",
	} {
		_, err := parsePattern(pattern)
		require.ErrorContains(t, err, part, pattern)
		require.ErrorContains(t, err, "offset", pattern)
	}
	for _, pattern := range []string{"/", "/a:b", "/:a_1", "/*/*", "//", "/ü", "/a b"} {
		_, err := parsePattern(pattern)
		require.NoError(t, err, pattern)
	}
}

func TestDuplicates(t *testing.T) {
	for _, pair := range [][2]string{{"/a", "/a"}, {"/:x", "/:y"}, {"/*/a", "/*/a"}, {"/**", "/**"}, {"/a/**", "/a/**"}} {
		table := newHostTable()
		require.NoError(t, table.add(&route{method: "GET", pattern: pair[0], loc: "first.go:1"}))
		require.ErrorContains(t, table.add(&route{method: "GET", pattern: pair[1], loc: "second.go:2"}), "first.go:1")
		require.NoError(t, table.add(&route{method: "POST", pattern: pair[1]}))
		require.NoError(t, table.add(&route{method: "GET", pattern: pair[1], host: "x.example"}))
	}
}

func TestHosts(t *testing.T) {
	table := newHostTable()
	for _, host := range []string{"", "a.example", "*.b.example", "*.c.b.example"} {
		require.NoError(t, table.add(&route{method: "GET", pattern: "/", host: host}))
	}
	table.freeze()
	for host, want := range map[string]string{
		"": "", "x": "", "a.example": "a.example", "A.EXAMPLE:80": "a.example", "a.example.": "a.example", "x.a.example": "",
		"b.example": "", "x.b.example": "*.b.example", "x.y.b.example:1": "*.b.example", "x.c.b.example": "*.c.b.example", "[::1]:80": "", "[::1]": "",
	} {
		m := table.newMatch()
		require.Equal(t, routeFound, table.lookup([]byte(host)).match(&m, "GET", []byte("/")))
		require.Equal(t, want, m.route.host, host)
	}
}

// reference finds a route by trying all, by the words of the documentation.
func reference(routes []*route, path string) string {
	parts := strings.Split(path[1:], "/")
	best, bestRank := "", ""
	for _, rt := range routes {
		rank, values, ok := fits(rt.parsed.segments, parts)
		if ok && (best == "" || rank < bestRank) {
			best, bestRank = strings.Join(append([]string{rt.pattern}, values...), " "), rank
		}
	}
	return best
}

// fits matches one pattern; the rank orders patterns by their first
// difference: literal, name, star, the end, rest.
func fits(segments []segment, parts []string) (rank string, values []string, ok bool) {
	for i, seg := range segments {
		if seg.kind == rest {
			return rank + "9", append(values, strings.Join(parts[min(i, len(parts)):], "/")), true
		}
		if i >= len(parts) {
			return "", nil, false
		}
		switch {
		case seg.kind == literal && seg.text != parts[i], seg.kind != literal && parts[i] == "":
			return "", nil, false
		case seg.kind != literal:
			values = append(values, parts[i])
		}
		rank += fmt.Sprint(int(seg.kind))
	}
	return rank, values, len(segments) == len(parts)
}

// FuzzRouter holds the table, the plain tree and the reference equal over
// random sets of routes.
func FuzzRouter(f *testing.F) {
	for seed := range int64(20) {
		f.Add(seed, "/a/b/c")
	}
	f.Fuzz(func(t *testing.T, seed int64, path string) {
		random := rand.New(rand.NewSource(seed))
		words := []string{"a", "b", "longer-than-8", "longer-than-9", "", ":x", ":y", "*"}
		table := newHostTable()
		var routes []*route
		for range 1 + random.Intn(12) {
			pattern := ""
			for range 1 + random.Intn(4) {
				pattern += "/" + words[random.Intn(len(words))]
			}
			if random.Intn(3) == 0 {
				pattern += "/**"
			}
			rt := &route{method: "GET", pattern: pattern}
			if table.add(rt) == nil {
				routes = append(routes, rt)
			}
		}
		if len(routes) == 0 {
			return
		}
		table.freeze()
		paths := []string{path}
		for range 20 {
			p := ""
			for range 1 + random.Intn(5) {
				p += "/" + words[random.Intn(5)]
			}
			paths = append(paths, p)
		}
		m := table.newMatch()
		for _, p := range paths {
			if _, ok := http1.Unescape(nil, []byte(p)); !ok || !strings.HasPrefix(p, "/") || strings.Contains(p, "%") {
				continue
			}
			want := reference(routes, p)
			if got := found(&m, table.anyHost.match(&m, "GET", []byte(p))); got != want {
				t.Fatalf("%q: table finds %q, reference %q, in\n%s", p, got, want, table.anyHost.methods[0].root)
			}
			m.route = table.anyHost.methods[0].root.walk(&m, splitPath(nil, m.path), 0)
			o := routeFound
			if m.route == nil {
				o = notFound
			}
			if got := found(&m, o); got != want {
				t.Fatalf("%q: tree finds %q, reference %q", p, got, want)
			}
		}
	})
}

// FuzzPattern: what is accepted can be built into a URL that it matches.
func FuzzPattern(f *testing.F) {
	for _, c := range lookupCases {
		f.Add(c.patterns)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		p, err := parsePattern(pattern)
		if err != nil {
			return
		}
		args := make([]any, len(p.names))
		for i := range args {
			args[i] = "v/ä"
		}
		u, err := p.url(args)
		require.NoError(t, err)
		table, r := buildRouter(t, pattern)
		m := table.newMatch()
		require.Equal(t, routeFound, r.match(&m, "GET", []byte(u)), "%q does not match its URL %q", pattern, u)
	})
}
