package main

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"wherry.example/wherry/benchmarks/routes"
)

func serveGin(o options) error {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	for range o.middlewares {
		r.Use(ginPass)
	}
	r.GET("/", func(c *gin.Context) { c.String(200, hello) })
	r.GET("/json", func(c *gin.Context) { c.JSON(200, newArticle()) })
	r.GET("/sleep", func(c *gin.Context) {
		time.Sleep(pause)
		c.String(200, "slept")
	})
	r.GET("/burn", func(c *gin.Context) { c.String(200, burn()) })
	r.POST("/upload", func(c *gin.Context) {
		n, err := io.Copy(io.Discard, http.MaxBytesReader(c.Writer, c.Request.Body, bodyLimit))
		if err != nil {
			_ = c.AbortWithError(400, err)
			return
		}
		c.String(200, fmt.Sprint(n))
	})
	r.GET("/sse", ginEvents(newBoard(o.events)))
	r.Static("/file", o.files)
	for _, route := range o.routes {
		r.Handle(route.Method, route.Pattern, ginAnswer(route))
	}
	return r.Run(o.addr)
}

func ginEvents(b *board) gin.HandlerFunc {
	return func(c *gin.Context) {
		events := b.join()
		defer b.leave(events)
		c.Header("Content-Type", "text/event-stream")
		c.Writer.Flush()
		c.Stream(func(io.Writer) bool {
			select {
			case event := <-events:
				c.SSEvent("", event)
				return true
			case <-c.Request.Context().Done():
				return false
			}
		})
	}
}

func ginAnswer(r routes.Route) gin.HandlerFunc {
	name := r.Last()
	if name == "" {
		return func(c *gin.Context) { c.String(200, r.Pattern) }
	}
	return func(c *gin.Context) { c.String(200, c.Param(name)) }
}

func ginPass(c *gin.Context) {
	if c.GetHeader(stopField) != "" {
		c.AbortWithStatus(403)
		return
	}
	c.Next()
}
