// Package sse sends server-sent events: the text/event-stream of the WHATWG
// HTML standard, section 9.2, that browsers read with EventSource.
//
//	app.Get("/clock", func(c *wherry.Context) error {
//		s, err := sse.New(c, sse.Options{})
//		if err != nil {
//			return err
//		}
//		for now := range sse.Each(s, ticks) {
//			if err := s.Send(sse.Event{Name: "tick", Data: now.String()}); err != nil {
//				return err
//			}
//		}
//		return s.Err()
//	})
//
// A [Stream] is one client's, written by its own handler. A [Hub] sends what
// is published to all its clients, each at its own pace, and what a client
// has missed when it comes again:
//
//	hub := sse.NewHub()
//	app.OnShutdown(hub.Close)
//	app.Get("/events", hub.Serve)
//	...
//	err := hub.Publish(ctx, sse.Event{Name: "price", Data: "42"})
//
// # Shutdown
//
// A stream has no end of its own, so a graceful shutdown would wait for it
// until its time is over. [Hub.Close] ends the streams of a hub in good order;
// [Options].Until does it for others. Browsers then connect again, to a server
// that is still there.
//
// # Browsers
//
// Over HTTP/1.1 a browser opens at most six connections to one origin, all
// tabs together, and an event stream holds one of them. Use one stream for all
// that a page wants to know, with event names to tell it apart.
package sse
