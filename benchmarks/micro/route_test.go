package main

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/julienschmidt/httprouter"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bunrouter"

	"wherry.example/wherry/benchmarks/routes"
)

// forgetful is a response that keeps nothing.
type forgetful struct{ header http.Header }

func (f forgetful) Header() http.Header         { return f.header }
func (f forgetful) Write(p []byte) (int, error) { return len(p), nil }
func (f forgetful) WriteHeader(int)             {}

// hits counts the handlers that ran, so that a test can tell whether all paths
// were found.
var hits int

// routers builds a router for a list. Handlers do nothing: what is measured
// is finding them, and what their router does around that.
var routers = []struct {
	name  string
	build func([]routes.Route) http.Handler
}{
	{"httprouter", buildHTTPRouter},
	{"httprouter-lookup", buildHTTPRouterLookup},
	{"gin", buildGin},
	{"echo", buildEcho},
	{"chi", buildChi},
	{"bunrouter", buildBunRouter},
	{"servemux", buildServeMux},
}

func buildHTTPRouter(list []routes.Route) http.Handler {
	r := httprouter.New()
	for _, route := range list {
		r.Handle(route.Method, route.Pattern, func(http.ResponseWriter, *http.Request, httprouter.Params) { hits++ })
	}
	return r
}

// lookup is the part of httprouter that finds a route, without what its
// ServeHTTP does besides.
type lookup struct{ *httprouter.Router }

func (l lookup) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handle, params, _ := l.Lookup(r.Method, r.URL.Path)
	handle(w, r, params)
}

func buildHTTPRouterLookup(list []routes.Route) http.Handler {
	return lookup{buildHTTPRouter(list).(*httprouter.Router)}
}

func buildGin(list []routes.Route) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	for _, route := range list {
		r.Handle(route.Method, route.Pattern, func(*gin.Context) { hits++ })
	}
	return r
}

func buildEcho(list []routes.Route) http.Handler {
	e := echo.New()
	for _, route := range list {
		e.Add(route.Method, route.Pattern, func(echo.Context) error {
			hits++
			return nil
		})
	}
	return e
}

func buildChi(list []routes.Route) http.Handler {
	r := chi.NewRouter()
	for _, route := range list {
		r.MethodFunc(route.Method, route.Braces(), func(http.ResponseWriter, *http.Request) { hits++ })
	}
	return r
}

func buildBunRouter(list []routes.Route) http.Handler {
	r := bunrouter.New()
	for _, route := range list {
		r.Handle(route.Method, route.Pattern, func(http.ResponseWriter, bunrouter.Request) error {
			hits++
			return nil
		})
	}
	return r
}

func buildServeMux(list []routes.Route) http.Handler {
	mux := http.NewServeMux()
	for _, route := range list {
		path := route.Braces()
		if path[len(path)-1] == '/' {
			path += "{$}"
		}
		mux.HandleFunc(route.Method+" "+path, func(http.ResponseWriter, *http.Request) { hits++ })
	}
	return mux
}

// requests are one for each route.
func requests(list []routes.Route) []*http.Request {
	var all []*http.Request
	for _, route := range list {
		r := &http.Request{Method: route.Method, URL: &url.URL{Path: route.Path()}, RequestURI: route.Path(), Proto: "HTTP/1.1",
			ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Host: "localhost"}
		all = append(all, r.WithContext(context.Background()))
	}
	return all
}

func TestRoutersFindAll(t *testing.T) {
	for _, set := range routes.Sets() {
		for _, router := range routers {
			h := router.build(set.Routes)
			hits = 0
			for _, r := range requests(set.Routes) {
				h.ServeHTTP(forgetful{http.Header{}}, r)
			}
			require.Equal(t, len(set.Routes), hits, "%s of %s", router.name, set.Name)
		}
	}
}

// BenchmarkRoute looks up all routes of a list in turn; an operation is one
// lookup. Ours is measured inside of its package, for it has no net/http
// around it: see main.go.
func BenchmarkRoute(b *testing.B) {
	for _, set := range routes.Sets() {
		all := requests(set.Routes)
		for _, router := range routers {
			b.Run(set.Name+"/"+router.name, func(b *testing.B) { benchmarkRouter(b, router.build(set.Routes), all) })
		}
	}
}

func benchmarkRouter(b *testing.B, h http.Handler, all []*http.Request) {
	var w http.ResponseWriter = forgetful{http.Header{}}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		h.ServeHTTP(w, all[i])
		if i++; i == len(all) {
			i = 0
		}
	}
}
