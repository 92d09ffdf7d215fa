package wherry

import (
	"encoding/json"
	"strconv"
	"strings"
)

// This file finds the place of a value of the wrong kind in JSON. Of that,
// encoding/json tells the names of the fields that lead there, without the
// indexes of lists and the names of maps in between, so these names are no
// place in what the client has sent. The offset that it tells is one.

// misplaced makes a refusedValue of an error that encoding/json has made of
// data, which is valid JSON.
func misplaced(data []byte, e *json.UnmarshalTypeError) (r *refusedValue, found bool) {
	if e.Offset < 1 || e.Offset > int64(len(data)) {
		return nil, false
	}
	place := placeAt(data, int(e.Offset))
	if !leadsTo(place, e.Field) {
		return nil, false
	}
	r = &refusedValue{err: e, said: misfit(e.Value)}
	for _, name := range place {
		if !pointable(name) {
			r.said = ""
			break
		}
		r.place = append(r.place, name)
	}
	return r, true
}

// placeLevel is an object or a list that is open.
type placeLevel struct {
	list  bool
	index int
	named bool // name is that of the member which follows
	name  string
}

// placeAt returns the names and indexes that lead to the value of which
// data[offset-1] is the first or the last byte.
func placeAt(data []byte, offset int) (place []string) {
	var open []placeLevel
	for i := 0; i < offset-1; i++ {
		switch data[i] {
		case '{', '[':
			open = append(open, placeLevel{list: data[i] == '['})
		case '}', ']':
			open = open[:len(open)-1]
		case ',':
			top := &open[len(open)-1]
			top.index++
			top.named = false
		case '"':
			end := stringEnd(data, i)
			if top := len(open) - 1; top >= 0 && !open[top].list && !open[top].named {
				open[top].named = json.Unmarshal(data[i:end], &open[top].name) == nil
			}
			i = end - 1
		}
	}
	for _, level := range open {
		switch {
		case level.list:
			place = append(place, strconv.Itoa(level.index))
		case level.named:
			place = append(place, level.name)
		}
	}
	return place
}

// leadsTo reports whether all names of a dotted field are in place, in that
// order. They are not if the offset is that in a part of the data, as of a
// value that decodes itself.
func leadsTo(place []string, field string) bool {
	for _, name := range place {
		if len(field) >= len(name) && strings.EqualFold(field[:len(name)], name) {
			if rest := field[len(name):]; rest == "" || rest[0] == '.' {
				field = strings.TrimPrefix(rest, ".")
			}
		}
	}
	return field == ""
}
