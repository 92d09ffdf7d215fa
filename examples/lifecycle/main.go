// Lifecycle keeps a table of open connections and a list of blocked addresses
// through the hooks of a connection's life.
//
//	curl http://127.0.0.1:8080/connections
//	curl -X POST http://127.0.0.1:8080/block/192.0.2.7
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/netip"
	"sort"
	"strings"
	"sync"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// doorman knows who is in and who must stay out.
type doorman struct {
	mu      sync.Mutex // guards the following
	inside  map[*wherry.Conn]time.Time
	blocked map[netip.Addr]bool
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	flag.Parse()

	d := &doorman{inside: map[*wherry.Conn]time.Time{}, blocked: map[netip.Addr]bool{}}
	app := wherry.New().Engine(engine.Kind(*kind))
	app.OnConnect(d.enter).OnDisconnect(d.leave)
	app.Get("/connections", d.list)
	app.Post("/block/:addr", d.block)
	if err := app.Listen(*addr); err != nil {
		log.Fatal(err)
	}
}

func (d *doorman) enter(c *wherry.Conn) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inside[c] = time.Now()
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok && d.blocked[tcp.AddrPort().Addr().Unmap()] {
		return errors.New("address is blocked")
	}
	return nil
}

// leave is called for refused connections too, so the table never leaks.
func (d *doorman) leave(c *wherry.Conn, cause error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	log.Printf("%v left after %v, cause: %v", c.RemoteAddr(), time.Since(d.inside[c]).Round(time.Millisecond), cause)
	delete(d.inside, c)
}

func (d *doorman) list(c *wherry.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var lines []string
	for conn, since := range d.inside {
		lines = append(lines, fmt.Sprintf("%v for %v, %d requests\n", conn.RemoteAddr(), time.Since(since).Round(time.Millisecond), conn.Requests()))
	}
	sort.Strings(lines)
	return c.Text(200, strings.Join(lines, ""))
}

func (d *doorman) block(c *wherry.Context) error {
	addr, err := wherry.Param[netip.Addr](c, "addr")
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.blocked[addr.Unmap()] = true
	return c.NoContent()
}
