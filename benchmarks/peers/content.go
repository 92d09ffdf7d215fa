package main

import (
	"fmt"
	"sync"
	"time"
)

// This file is what all servers answer with.

const hello = "Hello, World!"

// article and comment are a document as a small API has it.
type article struct {
	ID       int       `json:"id"`
	Title    string    `json:"title"`
	Author   string    `json:"author"`
	Tags     []string  `json:"tags"`
	Score    float64   `json:"score"`
	Public   bool      `json:"public"`
	Comments []comment `json:"comments"`
}

type comment struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Text  string `json:"text"`
	Votes int    `json:"votes"`
}

// newArticle builds the document of /json anew for each request, as a handler
// that has read it from a database would. It is 3 KB of JSON.
func newArticle() *article {
	a := &article{
		ID: 4711, Title: "A walk along the river", Author: "A. Ferryman",
		Tags: []string{"river", "boats", "walking"}, Score: 4.75, Public: true,
		Comments: make([]comment, 20),
	}
	for i := range a.Comments {
		a.Comments[i] = comment{
			ID: 1000 + i, Name: "a reader of the paper", Votes: 3 * i,
			Text: "The lock at the second bridge was closed; we went round by the mill and met the boats there.",
		}
	}
	return a
}

// pause is how long /sleep sleeps and /burn works.
const pause = 10 * time.Millisecond

// burn works for about 10 ms of processor time.
func burn() string {
	var x uint64 = 1
	for until := time.Now().Add(pause); time.Now().Before(until); {
		for range 1000 {
			x = x*6364136223846793005 + 1442695040888963407
		}
	}
	return fmt.Sprint(x&1, "\n")
}

// board hands events to the clients of /sse, for servers that have no such
// thing themselves.
type board struct {
	mu      sync.Mutex
	clients map[chan string]bool
}

func newBoard(rate float64) *board {
	b := &board{clients: map[chan string]bool{}}
	publish(rate, func(event string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		for c := range b.clients {
			select {
			case c <- event:
			default: // too slow: it misses this one
			}
		}
	})
	return b
}

func (b *board) join() chan string {
	c := make(chan string, 64)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clients[c] = true
	return c
}

func (b *board) leave(c chan string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.clients, c)
}

// publish calls send that often in a second, with the time in nanoseconds, by
// which a client knows how old an event is.
func publish(rate float64, send func(event string)) {
	if rate <= 0 {
		return
	}
	go func() {
		for now := range time.Tick(time.Duration(float64(time.Second) / rate)) {
			_ = now
			send(fmt.Sprint(time.Now().UnixNano()))
		}
	}()
}
