// Hello with fasthttp, for the size of a binary and the time to its first answer.
package main

import (
	"log"
	"os"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"
)

func main() {
	r := router.New()
	r.GET("/", func(c *fasthttp.RequestCtx) { c.SetBodyString("Hello, World!") })
	log.Fatal(fasthttp.ListenAndServe(os.Args[1], r.Handler))
}
