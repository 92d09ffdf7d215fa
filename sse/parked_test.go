package sse_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/sse"
)

// TestParkedClients: many clients hold no goroutine, and each gets every
// event once and in order, also when several publish at a time.
func TestParkedClients(t *testing.T) {
	hub := sse.NewHub(sse.HubOptions{Queue: 1000})
	server := overTCP(t, hubbing(hub))
	server.open()
	before := runtime.NumGoroutine()
	var streams []*stream
	for range 100 {
		streams = append(streams, server.open())
	}
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before+2 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before+2)
	done := make(chan struct{})
	for p := range 4 {
		go func() {
			for i := range 50 {
				_ = hub.Publish(t.Context(), sse.Event{Data: fmt.Sprintf("%d %d", p, i)})
			}
			done <- struct{}{}
		}()
	}
	for range 4 {
		<-done
	}
	for _, s := range streams {
		var next [4]int
		for range 200 {
			_, data, _ := strings.Cut(s.next(), "data: ")
			var p, i int
			_, err := fmt.Sscanf(data, "%d %d", &p, &i)
			require.NoError(t, err)
			require.Equal(t, next[p], i, "events of one publisher stay in order")
			next[p]++
		}
	}
	require.NoError(t, streams[0].conn.Close())
	require.Eventually(t, func() bool { return hub.Stats().Clients == 100 }, patience, time.Millisecond)
}

// TestParkedSlowReader: who does not read holds up nobody, costs a bounded
// amount, and gets the newest events when it reads again.
func TestParkedSlowReader(t *testing.T) {
	hub := sse.NewHub(sse.HubOptions{Queue: 8})
	server := overTCP(t, hubbing(hub).Timeouts(wherry.Timeouts{WriteStall: time.Hour})) // however long it does not read
	slow, quick := server.open(), server.open()
	filler := strings.Repeat("x", 64<<10)
	const events = 600
	for i := range events {
		require.NoError(t, quick.conn.SetDeadline(time.Now().Add(patience)))
		require.NoError(t, hub.Publish(t.Context(), sse.Event{ID: fmt.Sprint(i), Data: filler}))
		require.Equal(t, fmt.Sprintf("id: %d\ndata: %s\n", i, filler), quick.next())
	}
	last := ""
	require.NoError(t, slow.conn.SetDeadline(time.Now().Add(2*patience)))
	for last != fmt.Sprint(events-1) {
		id, _, _ := strings.Cut(strings.TrimPrefix(slow.next(), "id: "), "\n")
		last = id
	}
	require.Positive(t, hub.Stats().Dropped)
	require.NoError(t, hub.Publish(t.Context(), sse.Event{ID: "end", Data: "end"}))
	require.Equal(t, "id: end\ndata: end\n", slow.next(), "it is like the others again")
}

// TestParkedHeartbeats: a parked client hears something while nothing is
// published, and no more when it is gone.
func TestParkedHeartbeats(t *testing.T) {
	hub := sse.NewHub(sse.HubOptions{Stream: sse.Options{Heartbeat: 20 * time.Millisecond}})
	server := overTCP(t, hubbing(hub))
	s := server.open()
	for range 3 {
		require.Equal(t, ":\n", s.next())
	}
	publish(t, hub, 0, 1)
	for event := s.next(); event != event0; event = s.next() {
		require.Equal(t, ":\n", event)
	}
	require.NoError(t, s.conn.Close())
	require.Eventually(t, func() bool { return hub.Stats().Clients == 0 }, patience, time.Millisecond)
}

const event0 = "id: 0\ndata: 0\n"
