// Peers serves the same routes with each of the servers that are compared, one
// per process:
//
//	go run ./peers -server wherry-epoll -addr 127.0.0.1:8080
//
//	GET  /            Hello, World! as text/plain
//	GET  /json        a document of about 3 KB through encoding/json
//	POST /upload      reads the body, forgets it, answers with its length
//	GET  /sleep       answers after 10 ms of sleep
//	GET  /burn        answers after 10 ms of work
//	GET  /file/4k     and /file/100m: the files of -files
//	GET  /sse         the events that are published -events times a second
//	     203 routes   the GitHub API; the answer is the last parameter
//
// Each is written as its own documentation recommends for production: no
// access log, no debug mode, encoding/json everywhere.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"strings"

	"wherry.example/wherry/benchmarks/routes"
)

// options is what a server needs to know.
type options struct {
	addr        string
	routes      []routes.Route
	middlewares int     // that look at one field of the request and pass it on
	files       string  // the folder behind /file/
	events      float64 // published in a second on /sse
}

// bodyLimit lets uploads of 20 MB through where there is a limit.
const bodyLimit = 64 << 20

// stopField is what each of the middlewares looks for and never finds.
const stopField = "X-Stop"

type peer struct {
	name  string
	serve func(options) error
}

// all lists the servers. Another engine of ours is a line here and a line in
// package run.
var all = []peer{
	{"wherry-threaded", wherryOn("threaded")},
	{"wherry-epoll", wherryOn("epoll")},
	{"nethttp", serveNetHTTP},
	{"fasthttp", serveFastHTTP},
	{"fiber", serveFiber},
	{"gin", serveGin},
	{"echo", serveEcho},
	{"chi", serveChi},
	{"hertz", serveHertz},
	{"gnet", serveGnet},
	{"nbio", serveNbio},
}

func main() {
	var o options
	name := flag.String("server", "wherry-epoll", "one of: "+names())
	flag.StringVar(&o.addr, "addr", "127.0.0.1:8080", "address to listen on")
	flag.IntVar(&o.middlewares, "middlewares", 0, "number of middlewares around every handler")
	flag.StringVar(&o.files, "files", os.TempDir(), "folder of the files 4k and 100m")
	flag.Float64Var(&o.events, "events", 0, "events per second on /sse")
	flag.Parse()
	o.routes = routes.GitHub()

	for _, p := range all {
		if p.name != *name {
			continue
		}
		if err := p.serve(o); err != nil {
			log.Fatal(err)
		}
		return
	}
	fmt.Fprintf(os.Stderr, "no server %q; there are: %s\n", *name, names())
	os.Exit(2)
}

func names() string {
	list := make([]string, len(all))
	for i, p := range all {
		list[i] = p.name
	}
	return strings.Join(list, " ")
}
