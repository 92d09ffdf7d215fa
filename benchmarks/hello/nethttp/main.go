// Hello with net/http, for the size of a binary and the time to its first answer.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "Hello, World!") })
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
