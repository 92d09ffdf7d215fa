package sse_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/sse"
)

func hubbing(hub *sse.Hub) *wherry.App {
	return wherry.New().OnShutdown(hub.Close).Get("/", hub.Handler())
}

// publish gives a hub events with the data from, from+1 ... to-1, and IDs that
// are the same.
func publish(t *testing.T, hub *sse.Hub, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		id := fmt.Sprint(i)
		require.NoError(t, hub.Publish(context.Background(), sse.Event{ID: id, Data: id}))
	}
}

// event is what publish sends for a number.
func event(i int) string { return fmt.Sprintf("id: %d\ndata: %d\n", i, i) }

func (s *stream) wants(from, to int) {
	s.t.Helper()
	for i := from; i < to; i++ {
		require.Equal(s.t, event(i), s.next())
	}
}

func TestHubSendsToAll(t *testing.T) {
	hub := sse.NewHub(sse.HubOptions{})
	server := overTCP(t, hubbing(hub))
	publish(t, hub, 0, 3) // before anybody is there
	var streams []*stream
	for range 5 {
		streams = append(streams, server.open())
	}
	require.Equal(t, 5, hub.Stats().Clients)
	publish(t, hub, 3, 30)
	for _, s := range streams {
		s.wants(3, 30)
	}
	go server.stop()
	for _, s := range streams {
		require.Equal(t, ": closing\n\n", s.end())
	}
	server.stop()
	require.Equal(t, sse.HubStats{Published: 30}, hub.Stats())
	require.Empty(t, server.logs.String())
}

func TestHubForgetsWhoLeaves(t *testing.T) {
	hub := sse.NewHub(sse.HubOptions{})
	server := overTCP(t, hubbing(hub))
	s := server.open()
	require.Equal(t, 1, hub.Stats().Clients)
	require.NoError(t, s.conn.Close())
	require.Eventually(t, func() bool { return hub.Stats().Clients == 0 }, patience, time.Millisecond)
}

func TestHubReplays(t *testing.T) {
	hub := sse.NewHub(sse.HubOptions{Replay: 10, Queue: 3})
	server := overTCP(t, hubbing(hub))
	publish(t, hub, 0, 20)
	for last, from := range map[string]int{
		"19": 20, "18": 19, "12": 13, "10": 11, // it goes on behind what the client has
		"9": 10, "3": 10, // as far as the hub has it
		"another life": 10, // all of it came later
	} {
		s := server.open("Last-Event-ID: " + last)
		s.wants(from, 20)
		require.NoError(t, s.conn.Close())
	}
	s := server.open() // a new client begins with what comes
	publish(t, hub, 20, 21)
	s.wants(20, 21)
}

// A client that loses its connection before its first event comes back to
// what it missed, and to nothing older.
func TestHubReplaysToWhoHasSeenNothing(t *testing.T) {
	for _, before := range []int{0, 3} {
		hub := sse.NewHub(sse.HubOptions{})
		server := overTCP(t, hubbing(hub))
		publish(t, hub, 0, before)
		s := server.open()
		line, err := s.in.ReadString('\n')
		require.NoError(t, err)
		require.NoError(t, s.conn.Close())
		publish(t, hub, before, before+4)
		id, ok := strings.CutPrefix(line, "id: ")
		require.True(t, ok, line)
		s = server.open("Last-Event-ID: " + strings.TrimSuffix(id, "\n"))
		s.wants(before, before+4)
	}
}

func TestHubWithoutReplay(t *testing.T) {
	hub := sse.NewHub(sse.HubOptions{Replay: sse.NoReplay})
	server := overTCP(t, hubbing(hub))
	publish(t, hub, 0, 5)
	s := server.open("Last-Event-ID: 3")
	publish(t, hub, 5, 6)
	s.wants(5, 6)
}

// What is published once the client has its head must reach it, and what it
// was sent again comes before it.
func TestHubLosesNothingBetween(t *testing.T) {
	for range 20 {
		hub := sse.NewHub(sse.HubOptions{Queue: 1000, Replay: 1000})
		server := overTCP(t, hubbing(hub))
		publish(t, hub, 0, 10)
		var others sync.WaitGroup
		others.Go(func() { publish(t, hub, 10, 100) })
		s := server.open("Last-Event-ID: 4")
		s.wants(5, 100)
		others.Wait()
		server.stop()
	}
}

// The IDs a hub makes tell its events apart, also from those of another life.
func TestHubMakesIDs(t *testing.T) {
	var ids []string
	for range 2 {
		hub := sse.NewHub(sse.HubOptions{})
		server := overTCP(t, hubbing(hub))
		s := server.open()
		for range 3 {
			require.NoError(t, hub.Publish(context.Background(), sse.Event{Data: "a"}))
			got := interpret(s.next() + "\n").dispatched
			require.Len(t, got, 1)
			require.NotContains(t, ids, got[0].ID)
			ids = append(ids, got[0].ID)
		}
		again := server.open("Last-Event-ID: " + ids[len(ids)-2])
		require.Equal(t, "id: "+ids[len(ids)-1]+"\ndata: a\n", again.next())
		server.stop()
	}
}

// A client that does not read is left behind, and nobody else with it.
func TestHubDropsOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(sse.HubOptions{Queue: 4, Replay: 16})
		server := overPipes(t, hubbing(hub))
		slow, quick := server.open(), server.open()
		for i := range 12 {
			publish(t, hub, i, i+1)
			quick.wants(i, i+1)
			synctest.Wait()
		}
		slow.wants(0, 1) // this one was being written
		slow.wants(8, 12)
		require.EqualValues(t, 7, hub.Stats().Dropped)
		require.Equal(t, 2, hub.Stats().Clients)
		publish(t, hub, 12, 13)
		slow.wants(12, 13)
	})
}

func TestHubKeepsWithinTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, policy := range []sse.Slow{sse.DropOldest, sse.CloseSlow} {
			hub := sse.NewHub(sse.HubOptions{Queue: 4, Slow: policy})
			server := overPipes(t, hubbing(hub))
			s := server.open()
			publish(t, hub, 0, 1)
			synctest.Wait() // the first one is being written
			publish(t, hub, 1, 5)
			s.wants(0, 5)
			require.Zero(t, hub.Stats().Dropped)
			_ = s.conn.Close()
			server.stop()
		}
	})
}

func TestHubClosesSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(sse.HubOptions{Queue: 4, Slow: sse.CloseSlow})
		server := overPipes(t, hubbing(hub))
		s := server.open()
		publish(t, hub, 0, 1)
		synctest.Wait()
		publish(t, hub, 1, 6)
		s.wants(0, 1)
		require.Equal(t, ": closing\n\n", s.end())
		synctest.Wait()
		require.Equal(t, sse.HubStats{Published: 6, Closed: 1}, hub.Stats())

		again := server.open("Last-Event-ID: 0") // it gets what it missed
		again.wants(1, 6)
	})
}

// A client that is sent much again is not slow for that.
func TestHubReplayIsNoSlowness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(sse.HubOptions{Queue: 2, Replay: 100, Slow: sse.CloseSlow})
		server := overPipes(t, hubbing(hub))
		publish(t, hub, 0, 100)
		s := server.open("Last-Event-ID: 0")
		s.wants(1, 100)
		require.Zero(t, hub.Stats().Closed)
	})
}

func TestHubHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(sse.HubOptions{Stream: sse.Options{Heartbeat: 20 * time.Second, Retry: time.Second}})
		s := overPipes(t, hubbing(hub)).open()
		require.Equal(t, "retry: 1000\n", s.next())
		start := time.Now()
		require.Equal(t, ":\n", s.next())
		require.Equal(t, 20*time.Second, time.Since(start))
	})
}

// The open streams do not hold a shutdown up, and what was published before it
// still arrives.
func TestHubShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(sse.HubOptions{})
		server := overPipes(t, hubbing(hub))
		s := server.open()
		publish(t, hub, 0, 40)
		start := time.Now()
		stopped := make(chan struct{})
		go func() { defer close(stopped); server.stop() }()
		s.wants(0, 40)
		require.Equal(t, ": closing\n\n", s.end())
		<-stopped
		require.Less(t, time.Since(start), time.Second)
		require.ErrorIs(t, hub.Publish(t.Context(), sse.Event{Data: "late"}), sse.ErrHubClosed)
		hub.Close()
		require.Empty(t, server.logs.String())
	})
}

func TestHubClosedRefuses(t *testing.T) {
	hub := sse.NewHub(sse.HubOptions{})
	hub.Close()
	app := wherry.New().Get("/", hub.Handler())
	require.Equal(t, 503, overTCP(t, app).open().StatusCode)
}

func TestHubHello(t *testing.T) {
	failure := errors.New("no hello today")
	hub := sse.NewHub(sse.HubOptions{})
	hub = sse.NewHub(sse.HubOptions{Hello: func(s *sse.Stream) error {
		publish(t, hub, 0, 2) // meanwhile
		if s.LastEventID() == "fail" {
			return failure
		}
		return s.Send(sse.Event{Name: "state", Data: "so far"})
	}})
	server := overTCP(t, hubbing(hub))
	s := server.open()
	require.Equal(t, "event: state\ndata: so far\n", s.next())
	s.wants(0, 2)

	s = server.open("Last-Event-ID: fail")
	_, err := io.ReadAll(s.in)
	require.Error(t, err, "a stream that was cut does not look complete")
	_ = s.conn.Close()
	server.stop()
	require.Equal(t, 1, strings.Count(server.logs.String(), failure.Error()))
}

func TestHubHead(t *testing.T) {
	hub := sse.NewHub(sse.HubOptions{Hello: func(*sse.Stream) error { return errors.New("must not be called") }})
	got := only(t, hubbing(hub), "HEAD / HTTP/1.1", "Host: x")
	require.Equal(t, 200, got.Status)
	require.Equal(t, "text/event-stream", got.Headers.Get("Content-Type"))
	require.Zero(t, hub.Stats().Clients)
}

func TestHubRefusesFields(t *testing.T) {
	hub := sse.NewHub(sse.HubOptions{})
	require.ErrorIs(t, hub.Publish(context.Background(), sse.Event{ID: "a\nb"}), sse.ErrField)
	require.Zero(t, hub.Stats())
}

func TestHubMistakes(t *testing.T) {
	for want, o := range map[string]sse.HubOptions{
		"HubOptions.Queue is -1":   {Queue: -1},
		"HubOptions.Replay is -2":  {Replay: -2},
		"HubOptions.Slow is 7":     {Slow: 7},
		"Options.Heartbeat is -5s": {Stream: sse.Options{Heartbeat: -5 * time.Second}},
	} {
		hub := sse.NewHub(o)
		require.ErrorContains(t, hubbing(hub).Build(), want)
		require.ErrorContains(t, hub.Publish(context.Background(), sse.Event{}), want)
		hub.Close()
	}
	require.ErrorContains(t, hubbing(sse.NewHub(sse.HubOptions{}, sse.HubOptions{})).Build(), "sse: 2 HubOptions; give one at most")
	require.NoError(t, hubbing(sse.NewHub()).Build())
}

// memoryBroker stands for a message queue.
type memoryBroker struct {
	mu     sync.Mutex
	last   int
	lost   chan struct{} // closed when the connection is lost
	events []sse.Event
	more   *sync.Cond
}

func newMemoryBroker() *memoryBroker {
	b := &memoryBroker{lost: make(chan struct{})}
	b.more = sync.NewCond(&b.mu)
	return b
}

func (b *memoryBroker) Publish(_ context.Context, e sse.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.Data == "refused" {
		return errors.New("the queue is full")
	}
	if e.ID == "" {
		b.last++
		e.ID = fmt.Sprint("m", b.last)
	}
	b.events = append(b.events, e)
	b.more.Broadcast()
	return nil
}

func (b *memoryBroker) lose() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.lost)
	b.lost = make(chan struct{})
	b.more.Broadcast()
}

func (b *memoryBroker) Subscribe(ctx context.Context, deliver func(sse.Event)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	lost, at := b.lost, len(b.events)
	defer context.AfterFunc(ctx, func() { b.mu.Lock(); b.more.Broadcast(); b.mu.Unlock() })()
	for {
		for ; at < len(b.events); at++ {
			deliver(b.events[at])
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-lost:
			return errors.New("connection lost")
		default:
		}
		b.more.Wait()
	}
}

func TestHubsOfSeveralProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := newMemoryBroker()
		one, other := sse.NewHub(sse.HubOptions{Broker: broker}), sse.NewHub(sse.HubOptions{Broker: broker})
		synctest.Wait()
		first, second := overPipes(t, hubbing(one)), overPipes(t, hubbing(other))
		a, b := first.open(), second.open()
		require.NoError(t, one.Publish(t.Context(), sse.Event{Data: "1"}))
		require.NoError(t, other.Publish(t.Context(), sse.Event{Data: "2"}))
		for _, s := range []*stream{a, b} {
			require.Equal(t, "id: m1\ndata: 1\n", s.next())
			require.Equal(t, "id: m2\ndata: 2\n", s.next())
		}
		require.NoError(t, a.conn.Close())
		moved := second.open("Last-Event-ID: m1")
		require.Equal(t, "id: m2\ndata: 2\n", moved.next())
		require.ErrorContains(t, one.Publish(t.Context(), sse.Event{Data: "refused"}), "full")
		_ = b.conn.Close()
		_ = moved.conn.Close()
		first.stop()
		second.stop()
		require.ErrorIs(t, one.Publish(t.Context(), sse.Event{Data: "late"}), sse.ErrHubClosed)
	})
}

func TestHubSubscribesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := newMemoryBroker()
		var failures []error
		hub := sse.NewHub(sse.HubOptions{Broker: broker, OnError: func(err error) { failures = append(failures, err) }})
		synctest.Wait()
		s := overPipes(t, hubbing(hub)).open()
		for i := range 3 {
			broker.lose()
			time.Sleep(time.Second) // longer than the pauses: 100, 200 and 400 ms
			require.NoError(t, hub.Publish(t.Context(), sse.Event{Data: "a"}))
			require.Equal(t, fmt.Sprintf("id: m%d\ndata: a\n", i+1), s.next())
		}
		require.NoError(t, broker.Publish(t.Context(), sse.Event{ID: "a\nb"})) // a broken one by others
		synctest.Wait()
		require.Len(t, failures, 4)
		require.ErrorIs(t, failures[3], sse.ErrField)
		_ = s.conn.Close()
		hub.Close()
	})
}
