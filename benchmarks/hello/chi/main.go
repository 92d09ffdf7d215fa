// Hello with chi, for the size of a binary and the time to its first answer.
package main

import (
	"io"
	"log"
	"net/http"
	"os"

	"github.com/go-chi/chi/v5"
)

func main() {
	r := chi.NewRouter()
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "Hello, World!") })
	log.Fatal(http.ListenAndServe(os.Args[1], r))
}
