package loadgen

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHistogram(t *testing.T) {
	var h, other Histogram
	for i := range 1000 {
		d := time.Duration(i+1) * time.Millisecond
		if i%2 == 0 {
			h.Add(d)
		} else {
			other.Add(d)
		}
	}
	h.Merge(&other)
	for _, test := range []struct{ q, want float64 }{{0.5, 500}, {0.9, 900}, {0.99, 990}, {0.999, 999}} {
		got := float64(h.Quantile(test.q)) / float64(time.Millisecond)
		require.GreaterOrEqual(t, got, test.want, test.q)
		require.InEpsilon(t, test.want, got, 0.02, test.q)
	}
	require.InDelta(t, 500_500, h.Latency().Mean, 1)
	require.InDelta(t, 1e6, h.Latency().Max, 1)
	require.Zero(t, (&Histogram{}).Quantile(0.5))
}

func TestBuckets(t *testing.T) {
	for d := time.Duration(1); d < time.Hour; d = d*9/8 + 1 {
		b := bucketOf(d)
		require.LessOrEqual(t, floorOf(b), d)
		require.Greater(t, floorOf(b+1), d)
	}
}

func TestParseClass(t *testing.T) {
	c, err := ParseClass("up=2.5 POST /upload 100")
	require.NoError(t, err)
	require.Equal(t, "up", c.Name)
	require.Equal(t, int64(100), c.body)
	require.Equal(t, "POST /upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n", string(c.heads[0]))
	c, err = ParseClass("mix=1 GET @github")
	require.NoError(t, err)
	require.Len(t, c.heads, 203)
	for _, wrong := range []string{"", "x", "x=1", "x=0 GET /", "x=y GET /", "x=1 GET / -1", "x=1 GET / 1 2"} {
		_, err := ParseClass(wrong)
		require.Error(t, err, wrong)
	}
}

// TestShares picks by the weights.
func TestShares(t *testing.T) {
	p := newPicker([]Class{mustClass(t, "a=90 GET /"), mustClass(t, "b=10 GET /b")}, 0)
	var n [2]int
	for range 10000 {
		class, _ := p.pick()
		n[class]++
	}
	require.InDelta(t, 1000, n[1], 120)
}

func mustClass(t *testing.T, text string) Class {
	t.Helper()
	c, err := ParseClass(text)
	require.NoError(t, err)
	return c
}

// answers are written as they stand, and read whole in any cutting.
func TestReceive(t *testing.T) {
	for _, test := range []struct {
		name, text string
		status     int
		close      bool
	}{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, false},
		{"no content", "HTTP/1.1 404 Not Found\r\ncontent-length:0\r\nconnection: close\r\n\r\n", 404, true},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n", 200, false},
		{"old", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, true},
		{"large", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100_000), 200, false},
	} {
		for _, step := range []int{1, 7, 1 << 20} {
			ours, theirs := net.Pipe()
			go func() {
				text := test.text + test.text
				for len(text) > 0 {
					n := min(step, len(text))
					_, _ = io.WriteString(theirs, text[:n])
					text = text[n:]
				}
			}()
			c := &client{conn: ours, buf: make([]byte, 8<<10)}
			for range 2 {
				a, err := c.receive()
				require.NoError(t, err, test.name)
				require.Equal(t, test.status, a.status, test.name)
				require.Equal(t, test.close, a.close, test.name)
			}
			require.Equal(t, c.r, c.w, test.name)
			_ = ours.Close()
		}
	}
}

// TestReceiveNonsense refuses what is no answer.
func TestReceiveNonsense(t *testing.T) {
	for _, text := range []string{"hello\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"} {
		ours, theirs := net.Pipe()
		go func() {
			_, _ = io.WriteString(theirs, text)
			_ = theirs.Close()
		}()
		_, err := (&client{conn: ours, buf: make([]byte, 1024)}).receive()
		require.Error(t, err, text)
	}
}

// TestClosed counts what the server has seen.
func TestClosed(t *testing.T) {
	for _, test := range []struct{ pipeline, perConn int }{{1, 0}, {16, 0}, {1, 1}, {1, 10}, {4, 10}} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
			defer s.Close()
			requests := int64(0)
			for d := 100 * time.Millisecond; requests == 0; d *= 2 { // a slow machine needs longer
				r, err := Run(Config{Addr: s.Listener.Addr().String(), Classes: []Class{mustClass(t, "all=1 GET /")}, Conns: 4,
					Duration: d, Pipeline: test.pipeline, PerConn: test.perConn})
				require.NoError(t, err)
				require.Zero(t, r.Errors, r.FirstError)
				require.Zero(t, r.BadStatus)
				require.True(t, r.Requests > 0 || d < 10*time.Second)
				requests = r.Requests
			}
		})
	}
}

// TestOpenChargesAStall holds the promise of the open loop: a server that
// stands still is charged with every request that was due meanwhile, though
// only one of them met the stall.
func TestOpenChargesAStall(t *testing.T) {
	const stall = 200 * time.Millisecond
	begin := sync.OnceValue(time.Now) // the first request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if at := time.Since(begin()); at > 200*time.Millisecond && at < 200*time.Millisecond+stall {
			time.Sleep(stall - (at - 200*time.Millisecond))
		}
		_, _ = io.WriteString(w, "hello")
	}))
	defer s.Close()
	r, err := Run(Config{Addr: s.Listener.Addr().String(), Classes: []Class{mustClass(t, "all=1 GET /")}, Conns: 1, Rate: 500,
		Duration: 800 * time.Millisecond})
	if err != nil {
		t.Skip(err)
	}
	require.Equal(t, int64(400), r.Requests)
	require.Zero(t, r.Unfinished)
	require.Greater(t, r.Latency.P90, 50_000.0, "a quarter of the requests was due during the stall")
}

// TestOpenReconnects goes on when the server closes connections.
func TestOpenReconnects(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, "hello")
	}))
	defer s.Close()
	r, err := Run(Config{Addr: s.Listener.Addr().String(), Classes: []Class{mustClass(t, "all=1 GET /")}, Conns: 8, Rate: 500,
		Duration: 200 * time.Millisecond})
	if err != nil {
		t.Skip(err)
	}
	require.Equal(t, int64(100), r.Requests, r.FirstError)
}

func TestEvents(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for r.Context().Err() == nil {
			_, _ = fmt.Fprintf(w, "id: 1\ndata: %d\n\n", time.Now().UnixNano())
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
		}
	}))
	defer s.Close()
	events := int64(0)
	for d := 200 * time.Millisecond; events <= 20; d *= 2 { // a slow machine needs longer
		r, err := Listen(s.Listener.Addr().String(), "/sse", 3, 10*time.Millisecond, d)
		require.NoError(t, err)
		require.Zero(t, r.Errors, r.FirstError)
		require.True(t, r.Requests > 20 || d < 10*time.Second)
		events = r.Requests
	}
}
