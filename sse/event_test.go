package sse_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/sse"
)

var events = []struct {
	name  string
	event sse.Event
	want  string
}{
	{"data", sse.Event{Data: "a"}, "data: a\n\n"},
	{"all fields", sse.Event{ID: "7", Name: "n", Data: "a", Retry: 1500 * time.Millisecond}, "retry: 1500\nid: 7\nevent: n\ndata: a\n\n"},
	{"every line end", sse.Event{Data: "a\nb\r\nc\rd"}, "data: a\ndata: b\ndata: c\ndata: d\n\n"},
	{"empty lines", sse.Event{Data: "\n\r\r\n"}, "data: \ndata: \ndata: \ndata: \n\n"},
	{"line end at the end", sse.Event{Data: "a\n"}, "data: a\ndata: \n\n"},
	{"leading space", sse.Event{Data: " a"}, "data:  a\n\n"},
	{"a name alone is dispatched", sse.Event{Name: "n"}, "event: n\ndata: \n\n"},
	{"an ID alone as well", sse.Event{ID: "7"}, "id: 7\ndata: \n\n"},
	{"retry alone is not", sse.Event{Retry: time.Second}, "retry: 1000\n\n"},
	{"retry and ID are not", sse.Event{Retry: time.Second, ID: "7"}, "retry: 1000\nid: 7\n\n"},
	{"retry is never 0", sse.Event{Retry: time.Microsecond}, "retry: 1\n\n"},
	{"a colon is nothing special", sse.Event{ID: ":", Name: ":", Data: ":x"}, "id: :\nevent: :\ndata: :x\n\n"},
	{"NUL in data", sse.Event{Data: "a\x00b"}, "data: a\x00b\n\n"},
	{"nothing", sse.Event{}, "data: \n\n"},
}

func TestEventAppendTo(t *testing.T) {
	for _, test := range events {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.event.AppendTo([]byte("before"))
			require.NoError(t, err)
			require.Equal(t, "before"+test.want, string(got))
		})
	}
}

func TestEventRefused(t *testing.T) {
	for _, bad := range []string{"a\nb", "a\rb", "a\x00b", "\n", "a\n"} {
		for _, e := range []sse.Event{{ID: bad, Data: "a"}, {Name: bad, Data: "a"}} {
			got, err := e.AppendTo([]byte("before"))
			require.ErrorIs(t, err, sse.ErrField, "%+q", e)
			require.Equal(t, "before", string(got))
		}
	}
	_, err := sse.Event{Data: "a", Retry: -1}.AppendTo(nil)
	require.ErrorIs(t, err, sse.ErrField)
}

// FuzzEvent: what is sent is one event, and the client's parser finds in it
// what was meant.
func FuzzEvent(f *testing.F) {
	for _, test := range events {
		f.Add(test.event.ID, test.event.Name, test.event.Data)
	}
	f.Add("a\nb", "a\rb", "\r\n\n\r")
	f.Fuzz(func(t *testing.T, id, name, data string) {
		sent, err := sse.Event{ID: id, Name: name, Data: data}.AppendTo(nil)
		if err != nil {
			return
		}
		got := interpret(string(sent))
		if name == "" {
			name = "message"
		}
		data = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(data)
		require.Equal(t, []sse.Event{{ID: id, Name: name, Data: data}}, got.dispatched)
	})
}

// client is what a browser makes of a stream.
type client struct {
	dispatched []sse.Event
	lastID     string
	retry      time.Duration
}

// interpret is section 9.2.6 of the HTML standard, to the letter.
func interpret(stream string) client {
	var c client
	var name, data string
	stream = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(stream)
	lines := strings.Split(stream, "\n")
	for _, line := range lines[:len(lines)-1] {
		if line == "" {
			if data != "" {
				if name == "" {
					name = "message"
				}
				c.dispatched = append(c.dispatched, sse.Event{ID: c.lastID, Name: name, Data: strings.TrimSuffix(data, "\n")})
			}
			name, data = "", ""
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			name = value
		case "data":
			data += value + "\n"
		case "id":
			if !strings.Contains(value, "\x00") {
				c.lastID = value
			}
		case "retry":
			if ms, err := strconv.ParseUint(value, 10, 32); err == nil {
				c.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
	return c
}
