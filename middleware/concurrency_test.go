package middleware_test

import (
	"bufio"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/middleware"
)

// crowd sends n requests one after the other, without waiting for answers, and
// counts the answers by status once all have come.
type crowd struct {
	t   *testing.T
	app *wherry.App
	mu  sync.Mutex
	got map[int]int
	all sync.WaitGroup
}

func (c *crowd) send(n int, path string) {
	for range n {
		c.all.Go(func() {
			answers, err := c.app.Test("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
			c.mu.Lock()
			defer c.mu.Unlock()
			if err != nil || len(answers) != 1 {
				c.got[0]++
				return
			}
			c.got[answers[0].Status]++
			if answers[0].Status == 503 && answers[0].Headers.Get("Retry-After") != "7" {
				c.got[-1]++
			}
		})
		synctest.Wait() // they come in order
	}
}

func (c *crowd) sofar() map[int]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := map[int]int{}
	for status, n := range c.got {
		got[status] = n
	}
	return got
}

func newCrowd(t *testing.T, o middleware.ConcurrencyLimitOptions) *crowd {
	o.RetryAfter = 6500 * time.Millisecond
	app := wherry.New().Logger(silent()).Use(middleware.ConcurrencyLimit(o)).
		Get("/slow", func(c *wherry.Context) error { time.Sleep(time.Second); return c.Text(200, "") }).
		Get("/stuck", func(c *wherry.Context) error { time.Sleep(time.Minute); return c.Text(200, "") }).
		Get("/panic", func(*wherry.Context) error { panic("x") })
	return &crowd{t: t, app: app, got: map[int]int{}}
}

func TestConcurrencyLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, middleware.ConcurrencyLimitOptions{Limit: 2, Queue: 3})
		c.send(7, "/slow")
		require.Equal(t, map[int]int{503: 2}, c.sofar(), "two run, three wait, the rest is refused at once")
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, map[int]int{503: 2, 200: 2}, c.sofar())
		c.send(2, "/slow")
		require.Equal(t, map[int]int{503: 2, 200: 2}, c.sofar(), "the queue has room again")
		c.all.Wait()
		require.Equal(t, map[int]int{503: 2, 200: 7}, c.sofar())
	})
}

func TestConcurrencyLimitWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, middleware.ConcurrencyLimitOptions{Limit: 1, Queue: 2, Wait: 3 * time.Second})
		c.send(3, "/stuck")
		time.Sleep(3*time.Second - 1)
		synctest.Wait()
		require.Empty(t, c.sofar())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.Equal(t, map[int]int{503: 2}, c.sofar())
		c.send(1, "/stuck")
		require.Equal(t, map[int]int{503: 2}, c.sofar(), "who gave up has left the queue")
		c.all.Wait()
	})
}

func TestConcurrencyLimitNoQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, middleware.ConcurrencyLimitOptions{Limit: 1})
		c.send(3, "/slow")
		require.Equal(t, map[int]int{503: 2}, c.sofar())
		c.all.Wait()
		c.send(3, "/panic")
		require.Equal(t, 3, c.sofar()[500], "a panic gives its place back")
	})
}

// TestConcurrencyLimitClientLeaves: who has left does not wait on.
func TestConcurrencyLimitClientLeaves(t *testing.T) {
	entered := make(chan struct{}, 2)
	release := make(chan struct{})
	app := wherry.New().Logger(silent()).
		Use(middleware.ConcurrencyLimit(middleware.ConcurrencyLimitOptions{Limit: 1, Queue: 1, Wait: time.Hour})).
		Get("/", func(c *wherry.Context) error { entered <- struct{}{}; <-release; return c.Text(200, "") })
	gone := make(chan error, 4)
	app.AfterResponse(func(_ *wherry.Context, r wherry.Result) { gone <- r.Err })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(ln) }()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(t, err)
		_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
		require.NoError(t, err)
		return conn
	}
	first := dial()
	<-entered
	require.NoError(t, dial().Close())
	require.ErrorIs(t, <-gone, wherry.ErrClientGone)
	close(release)
	require.NoError(t, <-gone)
	require.NoError(t, first.Close())
	require.NoError(t, app.Shutdown(t.Context()))
	require.NoError(t, <-served)
}

// TestConcurrencyLimitEngines: who waits keeps nobody from going on, on
// whatever drives the connections.
func TestConcurrencyLimitEngines(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			app := wherry.New().Engine(kind).Logger(silent()).
				Use(middleware.ConcurrencyLimit(middleware.ConcurrencyLimitOptions{Limit: 1, Queue: 15, Wait: time.Minute})).
				Get("/", func(c *wherry.Context) error { time.Sleep(2 * time.Millisecond); return c.Text(200, "") })
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			served := make(chan error, 1)
			go func() { served <- app.Serve(ln) }()
			statuses := make(chan string, 16)
			for range 16 {
				go func() { statuses <- statusLine(ln.Addr().String()) }()
			}
			for range 16 {
				require.Equal(t, "HTTP/1.1 200 OK\r\n", <-statuses)
			}
			require.NoError(t, app.Shutdown(t.Context()))
			require.NoError(t, <-served)
		})
	}
}

// statusLine asks once on a connection of its own, or says what went wrong.
func statusLine(addr string) string {
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		return err.Error()
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return line
}

func TestConcurrencyLimitMistakes(t *testing.T) {
	for want, o := range map[string]middleware.ConcurrencyLimitOptions{
		"Limit is 0":      {},
		"Limit is -1":     {Limit: -1},
		"Queue is -1":     {Limit: 1, Queue: -1},
		"Wait is -1s":     {Limit: 1, Wait: -time.Second},
		"RetryAfter is -": {Limit: 1, RetryAfter: -1},
	} {
		require.Contains(t, mistakeOf(t, middleware.ConcurrencyLimit(o)), want)
	}
}

func ExampleConcurrencyLimit() {
	app := wherry.New().
		Group("/reports", func(g *wherry.Group) {
			g.Use(middleware.ConcurrencyLimit(middleware.ConcurrencyLimitOptions{Limit: 4, Queue: 16}))
			g.Get("", func(c *wherry.Context) error { return c.Text(200, "a costly report\n") })
		})
	answers, err := app.Test("GET /reports HTTP/1.1\r\nHost: example.com\r\n\r\n")
	if err != nil {
		panic(err)
	}
	fmt.Print(string(answers[0].Body))
	// Output: a costly report
}
