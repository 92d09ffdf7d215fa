package loadgen

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Hold opens n connections, asks once on each and leaves them open. close
// ends them.
func Hold(addr string, n int) (release func(), err error) {
	conns := make([]net.Conn, n)
	release = func() {
		for _, conn := range conns {
			if conn != nil {
				_ = conn.Close()
			}
		}
	}
	ask := head("GET", "/", 0)
	var next atomic.Int64
	errs := make([]error, 32)
	each(len(errs), func(worker int) {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			c, err := dial(addr, time.Now().Add(10*time.Second))
			if err == nil {
				conns[i] = c.conn
				err = c.send(ask, 0)
			}
			if err == nil {
				_, err = c.receive()
			}
			if err != nil {
				errs[worker] = fmt.Errorf("connection %d: %w", i, err)
				return
			}
		}
	})
	return release, errors.Join(errs...)
}

// Listen reads the events of path on a number of connections, and measures how
// old each is by the nanoseconds it carries.
func Listen(addr, path string, conns int, warmup, duration time.Duration) (Report, error) {
	from := time.Now().Add(warmup)
	until := from.Add(duration)
	var mu sync.Mutex
	var all []*tally
	one := Config{Classes: make([]Class, 1), Addr: addr}
	each(conns, func(int) {
		t := newTally(one)
		if err := t.listen(addr, path, from, until); err != nil {
			t.fail(err)
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, t)
	})
	return gather(one, all, duration.Seconds()), nil
}

// listen counts the events of one stream. The framing between them is
// skipped as if it were text: it holds no data lines.
func (t *tally) listen(addr, path string, from, until time.Time) error {
	c, err := dial(addr, until)
	if err != nil {
		return err
	}
	defer func() { _ = c.conn.Close() }()
	if err := c.send(head("GET", path, 0), 0); err != nil {
		return err
	}
	for {
		line, err := c.text()
		if err != nil {
			t.bytes = c.read
			if time.Now().Before(until) {
				return err
			}
			return nil
		}
		data, ok := bytes.CutPrefix(line, []byte("data:"))
		if !ok {
			continue
		}
		sent, err := strconv.ParseInt(string(bytes.TrimSpace(data)), 10, 64)
		if err != nil {
			return err
		}
		if now := time.Now(); now.After(from) {
			t.classes[0].Add(now.Sub(time.Unix(0, sent)))
		}
	}
}

// text reads up to the next LF.
func (c *client) text() ([]byte, error) {
	for {
		if n := bytes.IndexByte(c.buf[c.r:c.w], '\n'); n >= 0 {
			line := c.buf[c.r : c.r+n]
			c.r += n + 1
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}
