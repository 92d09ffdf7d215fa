// Hello with nbio, for the size of a binary and the time to its first answer.
package main

import (
	"io"
	"log"
	"net/http"
	"os"

	"github.com/lesismal/nbio/nbhttp"
)

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "Hello, World!") })
	engine := nbhttp.NewEngine(nbhttp.Config{Network: "tcp", Addrs: []string{os.Args[1]}, Handler: mux})
	if err := engine.Start(); err != nil {
		log.Fatal(err)
	}
	select {}
}
