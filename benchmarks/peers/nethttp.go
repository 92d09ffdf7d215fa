package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"wherry.example/wherry/benchmarks/routes"
)

func serveNetHTTP(o options) error {
	return http.ListenAndServe(o.addr, netHTTPHandler(o))
}

// netHTTPHandler has all routes on http.ServeMux.
func netHTTPHandler(o options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", stdHello)
	mux.HandleFunc("GET /json", stdJSON)
	mux.HandleFunc("GET /sleep", stdSleep)
	mux.HandleFunc("GET /burn", stdBurn)
	mux.HandleFunc("POST /upload", stdUpload)
	mux.HandleFunc("GET /sse", stdEvents(newBoard(o.events)))
	mux.Handle("GET /file/", http.StripPrefix("/file/", http.FileServer(http.Dir(o.files))))
	for _, r := range o.routes {
		mux.HandleFunc(r.Method+" "+r.Braces(), stdAnswer(r))
	}
	var h http.Handler = mux
	for range o.middlewares {
		h = stdPass(h)
	}
	return h
}

func stdText(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, text)
}

func stdHello(w http.ResponseWriter, _ *http.Request) { stdText(w, hello) }

func stdJSON(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(newArticle()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func stdSleep(w http.ResponseWriter, _ *http.Request) {
	time.Sleep(pause)
	stdText(w, "slept")
}

func stdBurn(w http.ResponseWriter, _ *http.Request) { stdText(w, burn()) }

func stdUpload(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	stdText(w, fmt.Sprint(n))
}

func stdEvents(b *board) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		events := b.join()
		defer b.leave(events)
		w.Header().Set("Content-Type", "text/event-stream")
		out := http.NewResponseController(w)
		for err := out.Flush(); err == nil; err = out.Flush() {
			select {
			case event := <-events:
				_, _ = fmt.Fprintf(w, "data: %s\n\n", event)
			case <-r.Context().Done():
				return
			}
		}
	}
}

func stdAnswer(r routes.Route) http.HandlerFunc {
	name := r.Last()
	if name == "" {
		return func(w http.ResponseWriter, _ *http.Request) { stdText(w, r.Pattern) }
	}
	return func(w http.ResponseWriter, r *http.Request) { stdText(w, r.PathValue(name)) }
}

func stdPass(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(stopField) != "" {
			http.Error(w, "", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
