package main

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"wherry.example/wherry/benchmarks/routes"
)

func serveChi(o options) error {
	r := chi.NewRouter()
	for range o.middlewares {
		r.Use(stdPass)
	}
	r.Get("/", stdHello)
	r.Get("/json", stdJSON)
	r.Get("/sleep", stdSleep)
	r.Get("/burn", stdBurn)
	r.Post("/upload", stdUpload)
	r.Get("/sse", stdEvents(newBoard(o.events)))
	r.Handle("/file/*", http.StripPrefix("/file/", http.FileServer(http.Dir(o.files))))
	for _, route := range o.routes {
		r.Method(route.Method, route.Braces(), chiAnswer(route))
	}
	return http.ListenAndServe(o.addr, r)
}

func chiAnswer(r routes.Route) http.HandlerFunc {
	name := r.Last()
	if name == "" {
		return func(w http.ResponseWriter, _ *http.Request) { stdText(w, r.Pattern) }
	}
	return func(w http.ResponseWriter, r *http.Request) { stdText(w, chi.URLParam(r, name)) }
}
