// Package wherry is an HTTP/1.1 micro-framework: an [App] collects routes,
// middleware and hooks, and serves them on an engine that is chosen when it
// starts.
//
//	app := wherry.New()
//	app.Get("/users/:id", func(c *wherry.Context) error {
//		id, err := wherry.Param[int](c, "id")
//		if err != nil {
//			return err // 400, as problem+json
//		}
//		return c.JSON(200, map[string]int{"id": id})
//	})
//	if err := app.Listen("127.0.0.1:8080"); err != nil {
//		log.Fatal(err)
//	}
//
// # The house
//
// The root package is the stem: the life of a connection stands in serve.go,
// from the first byte to the last, and what a request goes through in turn.go.
// It knows two leaves that do not know each other: package engine accepts
// connections and says when one is readable, and internal/http1 turns bytes
// into messages and back.
//
// # The life of a request
//
// A connection is accepted and OnConnect hooks see it. It waits without a
// buffer until it is readable. A head is read, parsed, and its framing is
// decided before any user code runs. BeforeRouting hooks, the route, the
// middleware around it and its [Handler] follow. A whole answer is sent when
// the outermost middleware has returned, a streamed one while it is written.
// What the handler left of the body is read within a bound, AfterResponse
// hooks run, and the next head of the same connection is looked at; else all
// answers leave with one write. OnDisconnect hooks run exactly once.
//
// # Goroutines and ownership
//
// A handler runs on one goroutine and may block. Every string that is handed
// out is owned by whoever asked; every []byte and io.Reader is borrowed until
// the handler returns. The [Context] is recycled then: what must live longer
// is copied. [Context.Context] may be kept.
//
// # Limits
//
// Everything a client can send or delay is bounded by [Limits] and
// [Timeouts], whose zero values are safe.
package wherry
