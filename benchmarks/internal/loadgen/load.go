// Package loadgen asks an HTTP/1.1 server and measures how long the answers
// take.
//
// A closed loop has a number of connections that each ask again once they have
// their answer: it finds out how much a server can do, and hides how long a
// request would have waited, for a slow answer delays the next question.
//
// An open loop asks at a fixed rate, whatever the server does, and measures
// from the moment at which a request was due. A server that stands still for a
// while is charged with all the requests that were due in that time, which is
// what coordinated omission leaves out.
package loadgen

import (
	"errors"
	"sync"
	"time"
)

// Config is a load.
type Config struct {
	Addr     string
	Classes  []Class
	Conns    int
	Duration time.Duration
	Warmup   time.Duration // before Duration, and not counted
	// Rate is the number of requests that are due in a second, together. 0
	// makes a closed loop.
	Rate float64
	// Pipeline is how many requests of a closed loop leave at once. Default 1.
	Pipeline int
	// PerConn is how many requests of a closed loop are sent on a connection,
	// the last one with Connection: close. 0 keeps it open.
	PerConn int
}

// Report is what came out.
type Report struct {
	Seconds    float64       `json:"seconds"`
	Offered    float64       `json:"offered,omitempty"` // requests per second that were due
	Requests   int64         `json:"requests"`          // answered
	Rate       float64       `json:"rate"`              // answered per second
	Unfinished int64         `json:"unfinished"`        // due and not answered at the end
	Errors     int64         `json:"errors"`
	BadStatus  int64         `json:"badStatus"` // other than 2xx
	Bytes      int64         `json:"bytes"`     // received
	Latency    Latency       `json:"latency"`
	SendLag    *Latency      `json:"sendLag,omitempty"` // how late requests were sent, a part of Latency
	Classes    []ClassReport `json:"classes,omitempty"`
	FirstError string        `json:"firstError,omitempty"`
}

// ClassReport is the part of a class.
type ClassReport struct {
	Name     string  `json:"name"`
	Requests int64   `json:"requests"`
	Latency  Latency `json:"latency"`
}

// tally is what one connection counts.
type tally struct {
	classes                 []Histogram
	lag                     Histogram
	errors, bad, unfinished int64
	bytes                   int64
	first                   error
}

func newTally(c Config) *tally { return &tally{classes: make([]Histogram, len(c.Classes))} }

func (t *tally) fail(err error) {
	t.errors++
	if t.first == nil {
		t.first = err
	}
}

// grace is how long answers are awaited after the end.
const grace = 3 * time.Second

// Run makes the load and returns when it is over.
func Run(c Config) (Report, error) {
	if len(c.Classes) == 0 || c.Conns <= 0 || c.Duration <= 0 {
		return Report{}, errors.New("a load needs classes, connections and a duration")
	}
	c.Pipeline = max(c.Pipeline, 1)
	if c.Rate > 0 {
		return runOpen(c)
	}
	return runClosed(c)
}

// gather sums up what the connections have counted.
func gather(c Config, tallies []*tally, seconds float64) Report {
	all, lag, classes := &Histogram{}, &Histogram{}, make([]Histogram, len(c.Classes))
	r := Report{Seconds: seconds, Offered: c.Rate}
	for _, t := range tallies {
		for i := range t.classes {
			classes[i].Merge(&t.classes[i])
			all.Merge(&t.classes[i])
		}
		lag.Merge(&t.lag)
		r.Errors += t.errors
		r.BadStatus += t.bad
		r.Unfinished += t.unfinished
		r.Bytes += t.bytes
		if r.FirstError == "" && t.first != nil {
			r.FirstError = t.first.Error()
		}
	}
	r.Requests = all.n - r.Unfinished
	r.Rate = float64(r.Requests) / seconds
	r.Latency = all.Latency()
	if c.Rate > 0 {
		l := lag.Latency()
		r.SendLag = &l
	}
	if len(c.Classes) > 1 {
		for i := range classes {
			r.Classes = append(r.Classes, ClassReport{c.Classes[i].Name, classes[i].n, classes[i].Latency()})
		}
	}
	return r
}

// each runs f for every connection and waits for all.
func each(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}
