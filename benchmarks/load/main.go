// Load makes a load on an HTTP/1.1 server and prints what came out as JSON:
// an open loop at a fixed rate, or a closed one.
//
//	go run ./load -addr 127.0.0.1:8080 -rate 20000 -c 256 -d 10s -class 'fast=90 GET /' -class 'slow=10 GET /sleep'
//	go run ./load -addr 127.0.0.1:8080 -c 64 -d 5s -pipeline 16
//	go run ./load -addr 127.0.0.1:8080 -c 64 -d 5s -per-conn 10
//	go run ./load -addr 127.0.0.1:8080 -c 1000 -d 5s -sse /sse
package main

import (
	"encoding/json"
	"flag"
	"log"
	"os"
	"runtime/debug"
	"time"

	"wherry.example/wherry/benchmarks/internal/loadgen"
)

func main() {
	log.SetFlags(0)
	debug.SetGCPercent(400)
	var c loadgen.Config
	flag.StringVar(&c.Addr, "addr", "127.0.0.1:8080", "the server")
	flag.IntVar(&c.Conns, "c", 64, "connections")
	flag.DurationVar(&c.Duration, "d", 5*time.Second, "how long is counted")
	flag.DurationVar(&c.Warmup, "warmup", 0, "how long is asked before that")
	flag.Float64Var(&c.Rate, "rate", 0, "requests per second of an open loop; 0: a closed one")
	flag.IntVar(&c.Pipeline, "pipeline", 1, "requests that leave at once, in a closed loop")
	flag.IntVar(&c.PerConn, "per-conn", 0, "requests on each connection, in a closed loop; 0: no end")
	events := flag.String("sse", "", "read the events of this path instead")
	flag.Func("class", "`NAME=SHARE METHOD PATH [BODY]`, again for each class; default all=1 GET /", func(s string) error {
		class, err := loadgen.ParseClass(s)
		c.Classes = append(c.Classes, class)
		return err
	})
	flag.Parse()
	if len(c.Classes) == 0 {
		class, err := loadgen.ParseClass("all=1 GET /")
		if err != nil {
			log.Fatal(err)
		}
		c.Classes = append(c.Classes, class)
	}

	run := func() (loadgen.Report, error) { return loadgen.Run(c) }
	if *events != "" {
		run = func() (loadgen.Report, error) { return loadgen.Listen(c.Addr, *events, c.Conns, c.Warmup, c.Duration) }
	}
	report, err := run()
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		log.Fatal(err)
	}
}
