// Crud is a REST resource in memory: JSON in and out, problem+json for every
// mistake, Location for what was made.
//
//	curl -d '{"title":"tea"}' -H 'Content-Type: application/json' -i http://127.0.0.1:8080/items
//	curl -i http://127.0.0.1:8080/items/1
package main

import (
	"flag"
	"log"
	"sort"
	"strings"
	"sync"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

type item struct {
	ID    int    `json:"id"`
	Title string `json:"title"`
	Done  bool   `json:"done"`
}

// draft is what a client may set.
type draft struct {
	Title string `json:"title"`
	Done  bool   `json:"done"`
}

// Validate is called by Bind; its error is answered with 422.
func (d draft) Validate() error {
	if strings.TrimSpace(d.Title) == "" {
		return &wherry.Error{Status: 422, Errors: []wherry.FieldError{{Pointer: "#/title", Detail: "must not be empty"}}}
	}
	return nil
}

type store struct {
	mu    sync.Mutex // guards the following
	next  int
	items map[int]item
}

var errNoItem = wherry.NewError(404, "There is no such item.")

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	flag.Parse()

	s := &store{items: map[int]item{}}
	app := wherry.New().Engine(engine.Kind(*kind))
	app.Group("/items", func(g *wherry.Group) {
		g.Get("", s.list)
		g.Post("", s.create)
		g.Get("/:id", s.read, wherry.Name("item"))
		g.Put("/:id", s.update)
		g.Delete("/:id", s.remove)
	})
	if err := app.Listen(*addr); err != nil {
		log.Fatal(err)
	}
}

func (s *store) list(c *wherry.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]item, 0, len(s.items))
	for _, it := range s.items {
		all = append(all, it)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].ID < all[j].ID })
	return c.JSON(200, all)
}

func (s *store) create(c *wherry.Context) error {
	d, err := wherry.Bind[draft](c)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	it := item{ID: s.next, Title: d.Title, Done: d.Done}
	s.items[it.ID] = it
	location, err := c.URL("item", it.ID)
	if err != nil {
		return err
	}
	c.SetHeader(wherry.HeaderLocation, location)
	return c.JSON(201, it)
}

// find returns the item that the path names. Called with the lock held.
func (s *store) find(c *wherry.Context) (item, error) {
	id, err := wherry.Param[int](c, "id")
	if err != nil {
		return item{}, err
	}
	it, ok := s.items[id]
	if !ok {
		return item{}, errNoItem
	}
	return it, nil
}

func (s *store) read(c *wherry.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	it, err := s.find(c)
	if err != nil {
		return err
	}
	return c.JSON(200, it)
}

func (s *store) update(c *wherry.Context) error {
	d, err := wherry.Bind[draft](c)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	it, err := s.find(c)
	if err != nil {
		return err
	}
	it.Title, it.Done = d.Title, d.Done
	s.items[it.ID] = it
	return c.JSON(200, it)
}

func (s *store) remove(c *wherry.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	it, err := s.find(c)
	if err != nil {
		return err
	}
	delete(s.items, it.ID)
	return c.NoContent()
}
