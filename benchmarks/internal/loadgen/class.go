package loadgen

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"wherry.example/wherry/benchmarks/routes"
)

// Class is a kind of request with its share of the load.
type Class struct {
	Name  string
	Share float64
	heads [][]byte // taken in turn
	body  int64    // bytes behind each head
}

// ParseClass reads "NAME=SHARE METHOD PATH [BODY]": a name of your own, a
// weight, and the request. The path @github stands for all routes of that list
// in turn, each with its own method.
//
//	fast=90 GET /
//	slow=10 GET /sleep
//	upload=1 POST /upload 20000000
func ParseClass(text string) (Class, error) {
	name, rest, ok := strings.Cut(text, "=")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 3 || len(fields) > 4 {
		return Class{}, fmt.Errorf("class %q is not NAME=SHARE METHOD PATH [BODY]", text)
	}
	share, err := strconv.ParseFloat(fields[0], 64)
	if err != nil || share <= 0 {
		return Class{}, fmt.Errorf("class %q: %q is no share", text, fields[0])
	}
	c := Class{Name: name, Share: share}
	if len(fields) == 4 {
		if c.body, err = strconv.ParseInt(fields[3], 10, 64); err != nil || c.body < 0 {
			return Class{}, fmt.Errorf("class %q: %q is no size", text, fields[3])
		}
	}
	c.heads = Heads(fields[1], fields[2], c.body)
	return c, nil
}

// Heads returns the request heads of a method and a path, or of @github.
func Heads(method, path string, body int64) [][]byte {
	if path != "@github" {
		return [][]byte{head(method, path, body)}
	}
	var all [][]byte
	for _, r := range routes.GitHub() {
		all = append(all, head(r.Method, r.Path(), body))
	}
	// A list in the order of its registration would please a cache.
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func head(method, path string, body int64) []byte {
	length := ""
	if body > 0 || method != "GET" {
		length = fmt.Sprintf("Content-Length: %d\r\n", body)
	}
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", method, path, length)
}

// closing adds Connection: close to a head.
func closing(head []byte) []byte {
	return append(head[:len(head)-2:len(head)-2], "Connection: close\r\n\r\n"...)
}

// picker chooses classes by their shares, the same ones in each run.
type picker struct {
	classes []Class
	total   float64
	random  *rand.Rand
	next    []int
}

func newPicker(classes []Class, seed uint64) *picker {
	p := &picker{classes: classes, random: rand.New(rand.NewPCG(seed, 0)), next: make([]int, len(classes))}
	for i, c := range classes {
		p.total += c.Share
		p.next[i] = int(seed) % len(c.heads)
	}
	return p
}

// pick returns the number of a class and the next head of it.
func (p *picker) pick() (class int, head []byte) {
	if len(p.classes) > 1 {
		at := p.random.Float64() * p.total
		for class < len(p.classes)-1 && at >= p.classes[class].Share {
			at -= p.classes[class].Share
			class++
		}
	}
	heads := p.classes[class].heads
	head = heads[p.next[class]]
	p.next[class] = (p.next[class] + 1) % len(heads)
	return class, head
}
