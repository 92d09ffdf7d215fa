// Static serves the files of a directory and shows what is in it, with one
// line for each request.
//
//	go run ./examples/static -dir . -addr :8000
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/static"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	dir := flag.String("dir", ".", "directory to serve")
	dotfiles := flag.Bool("dotfiles", false, "serve names that begin with a dot as well")
	flag.Parse()

	app := wherry.New().Engine(engine.Kind(*kind)).AfterResponse(report)
	app.Get("/**", static.Dir(*dir, static.Options{Listing: true, Dotfiles: *dotfiles}))
	fmt.Printf("serving %s on http://%s/\n", *dir, *addr)
	if err := app.Listen(*addr); err != nil {
		log.Fatal(err)
	}
}

// report tells what was really sent: a client that leaves in the middle of a
// file shows fewer bytes, and why.
func report(c *wherry.Context, r wherry.Result) {
	line := fmt.Sprintf("%s %v %s %q %d %d bytes in %v", time.Now().Format(time.DateTime), c.RemoteAddr(), c.Method(),
		c.Target(), r.Status, r.Bytes, r.Duration.Round(10*time.Microsecond))
	if r.Err != nil && wherry.StatusOf(r.Err) >= 500 {
		line += ": " + r.Err.Error()
	}
	fmt.Fprintln(os.Stdout, line)
}
