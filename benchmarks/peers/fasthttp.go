package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"wherry.example/wherry/benchmarks/routes"
)

// serveFastHTTP uses the router that the documentation of fasthttp names.
func serveFastHTTP(o options) error {
	r := router.New()
	r.GET("/", func(c *fasthttp.RequestCtx) { fastText(c, hello) })
	r.GET("/json", fastJSON)
	r.GET("/sleep", func(c *fasthttp.RequestCtx) {
		time.Sleep(pause)
		fastText(c, "slept")
	})
	r.GET("/burn", func(c *fasthttp.RequestCtx) { fastText(c, burn()) })
	r.POST("/upload", fastUpload)
	r.GET("/sse", fastEvents(newBoard(o.events)))
	r.ServeFiles("/file/{filepath:*}", o.files)
	for _, route := range o.routes {
		r.Handle(route.Method, route.Braces(), fastAnswer(route))
	}
	h := r.Handler
	for range o.middlewares {
		h = fastPass(h)
	}
	s := &fasthttp.Server{Handler: h, StreamRequestBody: true, MaxRequestBodySize: bodyLimit}
	return s.ListenAndServe(o.addr)
}

func fastText(c *fasthttp.RequestCtx, text string) {
	c.SetContentType("text/plain; charset=utf-8")
	c.SetBodyString(text)
}

func fastJSON(c *fasthttp.RequestCtx) {
	c.SetContentType("application/json")
	if err := json.NewEncoder(c).Encode(newArticle()); err != nil {
		c.Error(err.Error(), 500)
	}
}

func fastUpload(c *fasthttp.RequestCtx) {
	n, err := io.Copy(io.Discard, c.RequestBodyStream())
	if err != nil {
		c.Error(err.Error(), 400)
		return
	}
	fastText(c, strconv.FormatInt(n, 10))
}

func fastEvents(b *board) fasthttp.RequestHandler {
	return func(c *fasthttp.RequestCtx) {
		c.SetContentType("text/event-stream")
		c.SetBodyStreamWriter(streamEvents(b))
	}
}

// streamEvents writes events until the client has gone.
func streamEvents(b *board) func(*bufio.Writer) {
	return func(w *bufio.Writer) {
		events := b.join()
		defer b.leave(events)
		for err := w.Flush(); err == nil; err = w.Flush() {
			_, _ = fmt.Fprintf(w, "data: %s\n\n", <-events)
		}
	}
}

func fastAnswer(r routes.Route) fasthttp.RequestHandler {
	name := r.Last()
	if name == "" {
		return func(c *fasthttp.RequestCtx) { fastText(c, r.Pattern) }
	}
	return func(c *fasthttp.RequestCtx) { fastText(c, c.UserValue(name).(string)) }
}

func fastPass(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(c *fasthttp.RequestCtx) {
		if len(c.Request.Header.Peek(stopField)) > 0 {
			c.SetStatusCode(403)
			return
		}
		next(c)
	}
}
