// Package guard holds what a request and an idle connection may cost, in
// numbers that do not depend on how fast a machine is: allocations, system
// calls, instructions and bytes. Its tests are ordinary ones.
package guard

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// usage is what /memory answers with.
type usage struct {
	Mallocs uint64 // since the start
	Live    uint64 // bytes of the heap and of stacks that are in use
}

// app has a route to measure, and one that measures.
func app() *wherry.App {
	a := wherry.New().Logger(slog.New(slog.DiscardHandler))
	a.Get("/", func(c *wherry.Context) error { return c.Text(200, "Hello, World!") })
	a.Get("/memory", func(c *wherry.Context) error {
		runtime.GC()
		runtime.GC() // what pools hold goes with the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return c.JSON(200, usage{Mallocs: m.Mallocs, Live: m.HeapAlloc + m.StackInuse})
	})
	return a
}

// serve prints its address and serves until it is killed.
func serve(kind engine.Kind) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(os.Stdout, ln.Addr()); err != nil {
		return err
	}
	return app().Engine(kind).Serve(ln)
}
