package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/server"
	"github.com/cloudwego/hertz/pkg/app/server/render"
	"github.com/cloudwego/hertz/pkg/common/hlog"
	"github.com/cloudwego/hertz/pkg/protocol/sse"

	"wherry.example/wherry/benchmarks/routes"
)

// serveHertz runs on netpoll, which is the default.
func serveHertz(o options) error {
	hlog.SetLevel(hlog.LevelFatal)
	render.ResetStdJSONMarshal()
	h := server.New(server.WithHostPorts(o.addr), server.WithStreamBody(true), server.WithMaxRequestBodySize(bodyLimit),
		server.WithDisablePrintRoute(true), server.WithSenseClientDisconnection(true))
	for range o.middlewares {
		h.Use(hertzPass)
	}
	h.GET("/", func(_ context.Context, c *app.RequestContext) { c.String(200, hello) })
	h.GET("/json", func(_ context.Context, c *app.RequestContext) { c.JSON(200, newArticle()) })
	h.GET("/sleep", func(_ context.Context, c *app.RequestContext) {
		time.Sleep(pause)
		c.String(200, "slept")
	})
	h.GET("/burn", func(_ context.Context, c *app.RequestContext) { c.String(200, burn()) })
	h.POST("/upload", func(_ context.Context, c *app.RequestContext) {
		n, err := io.Copy(io.Discard, c.RequestBodyStream())
		if err != nil {
			c.AbortWithMsg(err.Error(), 400)
			return
		}
		c.String(200, fmt.Sprint(n))
	})
	h.GET("/sse", hertzEvents(newBoard(o.events)))
	h.StaticFS("/file", &app.FS{Root: o.files, PathRewrite: app.NewPathSlashesStripper(1)})
	for _, r := range o.routes {
		h.Handle(r.Method, r.Pattern, hertzAnswer(r))
	}
	h.Spin()
	return nil
}

func hertzEvents(b *board) app.HandlerFunc {
	return func(ctx context.Context, c *app.RequestContext) {
		events := b.join()
		defer b.leave(events)
		w := sse.NewWriter(c)
		for {
			select {
			case event := <-events:
				if err := w.WriteEvent("", "", []byte(event)); err != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

func hertzAnswer(r routes.Route) app.HandlerFunc {
	name := r.Last()
	if name == "" {
		return func(_ context.Context, c *app.RequestContext) { c.String(200, r.Pattern) }
	}
	return func(_ context.Context, c *app.RequestContext) { c.String(200, c.Param(name)) }
}

func hertzPass(ctx context.Context, c *app.RequestContext) {
	if len(c.GetHeader(stopField)) > 0 {
		c.AbortWithStatus(403)
		return
	}
	c.Next(ctx)
}
