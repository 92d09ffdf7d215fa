package main

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"wherry.example/wherry/benchmarks/routes"
)

func serveEcho(o options) error {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	for range o.middlewares {
		e.Use(echoPass)
	}
	e.GET("/", func(c echo.Context) error { return c.String(200, hello) })
	e.GET("/json", func(c echo.Context) error { return c.JSON(200, newArticle()) })
	e.GET("/sleep", func(c echo.Context) error {
		time.Sleep(pause)
		return c.String(200, "slept")
	})
	e.GET("/burn", func(c echo.Context) error { return c.String(200, burn()) })
	e.POST("/upload", func(c echo.Context) error {
		n, err := io.Copy(io.Discard, http.MaxBytesReader(c.Response(), c.Request().Body, bodyLimit))
		if err != nil {
			return err
		}
		return c.String(200, fmt.Sprint(n))
	})
	e.GET("/sse", echoEvents(newBoard(o.events)))
	e.Static("/file", o.files)
	for _, r := range o.routes {
		e.Add(r.Method, r.Pattern, echoAnswer(r))
	}
	return e.Start(o.addr)
}

func echoEvents(b *board) echo.HandlerFunc {
	return func(c echo.Context) error {
		events := b.join()
		defer b.leave(events)
		w := c.Response()
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(200)
		for w.Flush(); ; w.Flush() {
			select {
			case event := <-events:
				if _, err := fmt.Fprintf(w, "data: %s\n\n", event); err != nil {
					return err
				}
			case <-c.Request().Context().Done():
				return nil
			}
		}
	}
}

func echoAnswer(r routes.Route) echo.HandlerFunc {
	name := r.Last()
	if name == "" {
		return func(c echo.Context) error { return c.String(200, r.Pattern) }
	}
	return func(c echo.Context) error { return c.String(200, c.Param(name)) }
}

func echoPass(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().Header.Get(stopField) != "" {
			return echo.ErrForbidden
		}
		return next(c)
	}
}
