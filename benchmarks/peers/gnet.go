package main

import (
	"bytes"
	"encoding/json"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
)

// gnetServer is the least HTTP that answers the generator, for gnet has none:
// it looks at the request line and at the empty line behind the head. What it
// lacks (routes, bodies, files) is left out of the comparison.
type gnetServer struct {
	gnet.BuiltinEventEngine
	date atomic.Pointer[[]byte] // the field line, of this second
}

// serveGnet has a loop for each processor, as the benchmarks of gnet do.
func serveGnet(o options) error {
	s := &gnetServer{}
	s.OnTick()
	return gnet.Run(s, "tcp://"+o.addr, gnet.WithMulticore(true), gnet.WithTicker(true))
}

// OnTick renders the date once in a second.
func (s *gnetServer) OnTick() (time.Duration, gnet.Action) {
	line := time.Now().UTC().AppendFormat(nil, "Date: Mon, 02 Jan 2006 15:04:05 GMT\r\n")
	s.date.Store(&line)
	return time.Second, gnet.None
}

// OnTraffic answers all whole heads that have come with one write.
func (s *gnetServer) OnTraffic(c gnet.Conn) gnet.Action {
	in, err := c.Peek(-1)
	if err != nil {
		return gnet.Close
	}
	var out []byte
	action, used := gnet.None, 0
	for action == gnet.None {
		n := bytes.Index(in[used:], []byte("\r\n\r\n"))
		if n < 0 {
			break
		}
		head := in[used : used+n+4]
		used += len(head)
		out = s.answer(out, head)
		if bytes.Contains(head, []byte("\r\nConnection: close\r\n")) {
			action = gnet.Close
		}
	}
	if _, err := c.Discard(used); err != nil {
		return gnet.Close
	}
	if _, err := c.Write(out); err != nil {
		return gnet.Close
	}
	return action
}

func (s *gnetServer) answer(out, head []byte) []byte {
	switch {
	case bytes.HasPrefix(head, []byte("GET / ")):
		return s.append(out, "200 OK", "text/plain; charset=utf-8", []byte(hello))
	case bytes.HasPrefix(head, []byte("GET /json ")):
		content, err := json.Marshal(newArticle())
		if err != nil {
			return s.append(out, "500 Internal Server Error", "text/plain", nil)
		}
		return s.append(out, "200 OK", "application/json", content)
	}
	return s.append(out, "404 Not Found", "text/plain", nil)
}

func (s *gnetServer) append(out []byte, status, kind string, content []byte) []byte {
	out = append(out, "HTTP/1.1 "...)
	out = append(out, status...)
	out = append(out, "\r\n"...)
	out = append(out, *s.date.Load()...)
	out = append(out, "Content-Type: "...)
	out = append(out, kind...)
	out = append(out, "\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(len(content)), 10)
	out = append(out, "\r\n\r\n"...)
	return append(out, content...)
}
