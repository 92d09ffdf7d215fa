package main

import (
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
)

// serveNbio has the handler of net/http on the event loops of nbio.
func serveNbio(o options) error {
	logging.SetLevel(logging.LevelError)
	engine := nbhttp.NewEngine(nbhttp.Config{
		Network: "tcp",
		Addrs:   []string{o.addr},
		MaxLoad: 100_000,
		Handler: netHTTPHandler(o),
	})
	if err := engine.Start(); err != nil {
		return err
	}
	select {}
}
