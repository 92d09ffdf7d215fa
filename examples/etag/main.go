// Etag is a resource with conditional requests (RFC 9110 section 13): a client
// that has the current version gets 304, and one that changes a version which
// is no longer the current one gets 412, so that no change is lost.
//
//	curl -i http://127.0.0.1:8080/note
//	curl -i -H 'If-None-Match: "1"' http://127.0.0.1:8080/note
//	curl -i -X PUT -H 'If-Match: "1"' -d 'buy tar' http://127.0.0.1:8080/note
package main

import (
	"flag"
	"log"
	"strconv"
	"sync"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// note is a text that many may change.
type note struct {
	mu      sync.Mutex // guards the following
	text    string
	version int
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	flag.Parse()

	n := &note{text: "mend the sail\n", version: 1}
	app := wherry.New().Engine(engine.Kind(*kind))
	app.Get("/note", n.read)
	app.Put("/note", n.write)
	if err := app.Listen(*addr); err != nil {
		log.Fatal(err)
	}
}

// etag is called with mu held.
func (n *note) etag() string { return `"` + strconv.Itoa(n.version) + `"` }

func (n *note) read(c *wherry.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c.SetHeader(wherry.HeaderCacheControl, "no-cache") // keep it, but ask each time
	if answered, err := c.Precondition(n.etag(), time.Time{}); answered {
		return err
	}
	return c.Text(200, n.text)
}

func (n *note) write(c *wherry.Context) error {
	if !c.Headers().Has(wherry.HeaderIfMatch) {
		return wherry.NewError(428, "Say with If-Match which version you change.")
	}
	body, err := c.BodyBytes() // before the lock: a slow client must not hold it
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if answered, err := c.Precondition(n.etag(), time.Time{}); answered {
		return err
	}
	n.text, n.version = string(body), n.version+1
	c.SetHeader(wherry.HeaderETag, n.etag())
	return c.NoContent()
}
