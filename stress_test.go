package wherry_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// stressTime is how long TestMixedLoad lasts on each engine: WHERRY_STRESS, else
// a second.
func stressTime(t *testing.T) time.Duration {
	text := os.Getenv("WHERRY_STRESS")
	if text == "" {
		return time.Second
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}

// TestMixedLoad mixes clients whose handlers answer at once, block, compute,
// stream, are hijacked or are left alone. Every answer carries what its
// request carried, so one that is lost, given twice or given to another
// connection shows. Afterwards everything is as before.
func TestMixedLoad(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) { stress(t, kind) })
	}
}

func stress(t *testing.T, kind engine.Kind) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	var begun, ended atomic.Int64
	app := stressApp(&begun, &ended).Engine(kind)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(ln) }()

	until := time.Now().Add(stressTime(t))
	var clients sync.WaitGroup
	var answers atomic.Int64
	for i := range 48 {
		clients.Add(1)
		go func() {
			defer clients.Done()
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for n := 0; time.Now().Before(until); n++ {
				id := fmt.Sprintf("%d-%d", i, n)
				if err := stressRound(ln.Addr().String(), id, random, &answers); err != nil {
					t.Errorf("%s: %v", id, err)
					return
				}
			}
		}()
	}
	clients.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	require.NoError(t, app.Shutdown(ctx))
	require.NoError(t, <-served)
	require.Equal(t, begun.Load(), ended.Load(), "every exchange has one result")
	for end := time.Now().Add(patience); runtime.NumGoroutine() > goroutines && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), goroutines)
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(8<<20), "memory")
	t.Logf("%d answers", answers.Load())
}

// stressApp counts the exchanges that begin and end.
func stressApp(begun, ended *atomic.Int64) *wherry.App {
	app := quiet().
		BeforeRouting(func(*wherry.Context) error { begun.Add(1); return nil }).
		AfterResponse(func(*wherry.Context, wherry.Result) { ended.Add(1) })
	app.Get("/now/:id", func(c *wherry.Context) error { return c.Text(200, c.Param("id")) })
	app.Get("/sleep/:id", func(c *wherry.Context) error {
		time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond)
		return c.Text(200, c.Param("id"))
	})
	app.Get("/burn/:id", func(c *wherry.Context) error {
		for end := time.Now().Add(time.Duration(rand.IntN(3)) * time.Millisecond); time.Now().Before(end); {
			continue
		}
		return c.Text(200, c.Param("id"))
	})
	app.Post("/stream/:id", func(c *wherry.Context) error {
		if _, err := c.WriteString(c.Param("id")); err != nil {
			return err
		}
		_, err := io.Copy(c, c.Body())
		return err
	}, wherry.BodyLimit(wherry.NoLimit))
	app.Get("/leave", func(c *wherry.Context) error {
		if err := c.Flush(); err != nil {
			return err
		}
		select {
		case <-c.Context().Done():
			return nil
		case <-time.After(patience):
			return errors.New("nobody told that the client has left")
		}
	})
	app.Get("/hijack/:id", func(c *wherry.Context) error {
		id := c.Param("id")
		conn, ahead, err := c.Hijack()
		if err != nil {
			return err
		}
		serve := func() {
			defer conn.Close()
			line, _ := bufio.NewReader(io.MultiReader(bytes.NewReader(ahead), conn)).ReadString('\n')
			_, _ = io.WriteString(conn, id+" "+line)
		}
		if rand.IntN(2) == 0 {
			go serve()
		} else {
			serve()
		}
		return nil
	})
	return app
}

// stressRound is the life of one client connection.
func stressRound(addr, id string, random *rand.Rand, answers *atomic.Int64) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * patience))
	r := bufio.NewReader(conn)
	for n := range 1 + random.IntN(8) {
		own := id + "-" + strconv.Itoa(n)
		var err error
		switch random.IntN(10) {
		case 0, 1:
			err = askOne(conn, r, answers, "sleep", own)
		case 2:
			err = askOne(conn, r, answers, "burn", own)
		case 3:
			err = askMany(conn, r, answers, own, 1+random.IntN(100))
		case 4:
			err = askStream(conn, r, own, random.IntN(1<<20), answers)
		case 5:
			if random.IntN(4) == 0 {
				return leaveEarly(conn, r)
			}
		case 6:
			if random.IntN(4) == 0 {
				return askHijack(conn, r, own)
			}
		default:
			err = askOne(conn, r, answers, "now", own)
		}
		if err != nil {
			return fmt.Errorf("request %d: %w", n, err)
		}
	}
	return nil
}

func askOne(conn net.Conn, r *bufio.Reader, answers *atomic.Int64, what, id string) error {
	if _, err := fmt.Fprintf(conn, "GET /%s/%s HTTP/1.1\r\nHost: x\r\n\r\n", what, id); err != nil {
		return err
	}
	return expect(r, answers, id)
}

// expect reads an answer and compares its content.
func expect(r *bufio.Reader, answers *atomic.Int64, want string) error {
	length, err := readHead(r)
	if err != nil {
		return err
	}
	got := make([]byte, length)
	if _, err := io.ReadFull(r, got); err != nil {
		return err
	}
	if string(got) != want {
		return fmt.Errorf("want %q, got %q", want, got)
	}
	answers.Add(1)
	return nil
}

// readHead returns the Content-Length, -1 for chunks.
func readHead(r *bufio.Reader) (length int, err error) {
	line, err := r.ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "HTTP/1.1 200 ") {
		err = fmt.Errorf("got %q", line)
	}
	for err == nil {
		if line, err = r.ReadString('\n'); line == "\r\n" {
			break
		}
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			length, err = strconv.Atoi(strings.TrimSpace(value))
		}
		if strings.HasPrefix(line, "Transfer-Encoding: chunked") {
			length = -1
		}
	}
	return length, err
}

func askMany(conn net.Conn, r *bufio.Reader, answers *atomic.Int64, id string, n int) error {
	var batch bytes.Buffer
	for i := range n {
		fmt.Fprintf(&batch, "GET /now/%s.%d HTTP/1.1\r\nHost: x\r\n\r\n", id, i)
	}
	if _, err := conn.Write(batch.Bytes()); err != nil {
		return err
	}
	for i := range n {
		if err := expect(r, answers, fmt.Sprintf("%s.%d", id, i)); err != nil {
			return err
		}
	}
	return nil
}

// askStream sends content of this size in pieces and reads it back meanwhile.
func askStream(conn net.Conn, r *bufio.Reader, id string, size int, answers *atomic.Int64) error {
	content := bytes.Repeat([]byte(id+" "), size/(len(id)+1)+1)
	sent := make(chan error, 1)
	go func() {
		_, err := fmt.Fprintf(conn, "POST /stream/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", id, len(content))
		for rest := content; len(rest) > 0 && err == nil; {
			n := min(len(rest), 1+rand.IntN(100<<10))
			_, err = conn.Write(rest[:n])
			rest = rest[n:]
		}
		sent <- err
	}()
	length, err := readHead(r)
	want := append([]byte(id), content...)
	var got []byte
	switch {
	case err != nil:
	case length >= 0:
		got = make([]byte, length)
		_, err = io.ReadFull(r, got)
	default:
		got, err = readChunks(r, len(want))
	}
	if err = errors.Join(err, <-sent); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("streamed %d bytes, got %d back, or others", len(want), len(got))
	}
	answers.Add(1)
	return nil
}

func readChunks(r *bufio.Reader, room int) ([]byte, error) {
	content := make([]byte, 0, room)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return content, err
		}
		n, err := strconv.ParseInt(strings.TrimSpace(line), 16, 32)
		if err != nil {
			return content, err
		}
		chunk := make([]byte, n+2)
		if _, err := io.ReadFull(r, chunk); err != nil {
			return content, err
		}
		if n == 0 {
			return content, nil
		}
		content = append(content, chunk[:n]...)
	}
}

// leaveEarly leaves while the handler waits, half of the time with bytes that
// nobody has read.
func leaveEarly(conn net.Conn, r *bufio.Reader) error {
	if _, err := io.WriteString(conn, "GET /leave HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return err
	}
	if _, err := readHead(r); err != nil {
		return err
	}
	if rand.IntN(2) == 0 {
		_, _ = io.WriteString(conn, "GET /now/unread HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	return nil
}

func askHijack(conn net.Conn, r *bufio.Reader, id string) error {
	if _, err := fmt.Fprintf(conn, "GET /hijack/%s HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: line\r\n\r\nhel", id); err != nil {
		return err
	}
	time.Sleep(time.Duration(rand.IntN(2)) * time.Millisecond)
	if _, err := io.WriteString(conn, "lo\n"); err != nil {
		return err
	}
	line, err := r.ReadString('\n')
	if line != id+" hello\n" {
		return fmt.Errorf("hijacked: got %q: %w", line, err)
	}
	return nil
}
