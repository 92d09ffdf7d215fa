// Package workloads is the table of what is measured and of who is measured.
package workloads

import "strings"

// Kind is how a workload is made.
type Kind int

// The kinds.
const (
	Closed Kind = iota // connections that ask again once they have their answer
	Open               // a fixed rate
	Events             // connections that listen
	Idle               // connections that do nothing
)

// Workload is one question.
type Workload struct {
	Name, Title string
	About       string // what a reader should know
	Kind        Kind
	Quick       bool   // is part of the quick run
	Needs       string // the feature that a server must have

	Classes     []string // as loadgen.ParseClass reads them
	Conns       int
	Pipeline    int
	PerConn     int
	Own         bool    // wrk would not count what it cuts off at the end
	Rate        float64 // of an open loop; 0: half of what net/http can do
	Middlewares int
	Events      float64
}

// All lists the workloads in the order of the report.
var All = []Workload{
	{Name: "plain", Title: "Routed GET", Quick: true, Needs: "plain", Classes: []string{"all=1 GET /"}, Conns: 64,
		About: "`GET /` answers 13 bytes; 64 connections that stay open; 203 other routes are registered."},
	{Name: "plain512", Title: "Routed GET, 512 connections", Needs: "plain", Classes: []string{"all=1 GET /"}, Conns: 512,
		About: "The same from 512 connections."},
	{Name: "pipelined", Title: "Pipelined", Quick: true, Needs: "plain", Classes: []string{"all=1 GET /"}, Conns: 64, Pipeline: 16,
		About: "`GET /`, sixteen requests leave at once; 64 connections."},
	{Name: "short10", Title: "Ten requests on a connection", Quick: true, Needs: "plain", Classes: []string{"all=1 GET /"}, Conns: 64,
		PerConn: 10, About: "`GET /`; the tenth has `Connection: close`; 64 connections at a time."},
	{Name: "short1", Title: "One request on a connection", Needs: "plain", Classes: []string{"all=1 GET /"}, Conns: 64, PerConn: 1,
		About: "`GET /` with `Connection: close`; 64 connections at a time."},
	{Name: "json", Title: "JSON of 3 KB", Quick: true, Needs: "json", Classes: []string{"all=1 GET /json"}, Conns: 64,
		About: "A struct through encoding/json for each request; 64 connections."},
	{Name: "mix", Title: "REST mix", Needs: "app", Classes: []string{"all=1 GET @github"}, Conns: 64,
		About: "All 203 routes of the GitHub API in turn; the answer is a parameter; no middleware; 64 connections."},
	{Name: "mix5", Title: "REST mix with five middlewares", Quick: true, Needs: "app", Classes: []string{"all=1 GET @github"}, Conns: 64,
		Middlewares: 5, About: "The same with five middlewares that each look for a field of the request and pass it on; bare is without them."},
	{Name: "upload", Title: "Uploads of 20 MB", Own: true, Needs: "app", Classes: []string{"all=1 POST /upload 20000000"}, Conns: 8,
		About: "`POST /upload`: the body is read as a stream, counted and forgotten; 8 connections."},
	{Name: "file4k", Title: "Files of 4 KB", Needs: "files", Classes: []string{"all=1 GET /file/4k"}, Conns: 64,
		About: "From a folder, with the server's own handler for files; 64 connections."},
	{Name: "file100m", Title: "Files of 100 MB", Own: true, Needs: "files", Classes: []string{"all=1 GET /file/100m"}, Conns: 4,
		About: "The same; 4 connections."},
	{Name: "sse", Title: "Server-sent events", Kind: Events, Needs: "sse", Conns: 1000, Events: 20,
		About: "1000 clients each get 20 events in a second. A request stands for an event; latency is its age when it arrives."},
	{Name: "sleepers", Title: "10 % sleeping handlers", Kind: Open, Needs: "app", Conns: 256, Rate: 4000,
		Classes: []string{"fast=90 GET /", "slow=10 GET /sleep"},
		About:   "4000 requests per second at a fixed rate; each tenth handler sleeps for 10 ms. Latency is that of the fast ones."},
	{Name: "burners", Title: "10 % burning handlers", Kind: Open, Needs: "app", Conns: 256, Rate: 500,
		Classes: []string{"fast=90 GET /", "slow=10 GET /burn"},
		About:   "500 requests per second at a fixed rate; each tenth handler works for 10 ms. Latency is that of the fast ones."},
	{Name: "fixed", Title: "Fixed rate", Kind: Open, Quick: true, Needs: "plain", Conns: 256, Classes: []string{"all=1 GET /"},
		About: "`GET /` at half of the rate that net/http can do here; latency from the moment a request was due."},
	{Name: "idle", Title: "Idle connections", Kind: Idle, Quick: true, Needs: "plain", Conns: 10000,
		About: "10,000 connections that have had one answer each and wait: growth of the server's resident memory by connection."},
}

// Server is one contestant. Its name is that of package peers, or one of the
// two that are not written in Go.
type Server struct {
	Name     string
	Ours     bool
	Quick    bool
	Features string // "plain json app files sse"
	Module   string // whose version is reported
}

// Bare is the suffix of a server that leaves the middlewares out where the
// others have them, in the same rounds.
const Bare = "-bare"

const everything = "plain json app files sse"

// Servers lists the contestants. Another engine of ours is a line here and
// one in package peers.
var Servers = []Server{
	{Name: "wherry-epoll", Ours: true, Quick: true, Features: everything},
	{Name: "wherry-threaded", Ours: true, Quick: true, Features: everything},
	{Name: "wherry-epoll" + Bare, Ours: true, Quick: true, Features: "bare"},
	{Name: "wherry-threaded" + Bare, Ours: true, Quick: true, Features: "bare"},
	{Name: "nethttp", Quick: true, Features: everything},
	{Name: "fasthttp", Quick: true, Features: everything, Module: "github.com/valyala/fasthttp"},
	{Name: "fiber", Quick: true, Features: everything, Module: "github.com/gofiber/fiber/v3"},
	{Name: "gin", Quick: true, Features: everything, Module: "github.com/gin-gonic/gin"},
	{Name: "echo", Features: everything, Module: "github.com/labstack/echo/v4"},
	{Name: "chi", Features: everything, Module: "github.com/go-chi/chi/v5"},
	{Name: "hertz", Quick: true, Features: everything, Module: "github.com/cloudwego/hertz"},
	{Name: "gnet", Features: "plain json", Module: "github.com/panjf2000/gnet/v2"},
	{Name: "nbio", Features: "plain json app files", Module: "github.com/lesismal/nbio"},
	{Name: "nginx", Features: "files"},
	{Name: "limit", Quick: true, Features: "plain"},
}

// Can reports whether a server has what a workload needs.
func (s Server) Can(w Workload) bool {
	for feature := range strings.FieldsSeq(s.Features) {
		if feature == w.Needs || feature == "bare" && w.Middlewares > 0 {
			return true
		}
	}
	return false
}
