package loadgen

import "time"

// closedConn is one place of a closed loop: a connection, or many after each
// other.
type closedConn struct {
	Config
	*tally
	from, until time.Time
	pick        *picker
	batch       []byte
	of          []int // the classes of the batch
}

func runClosed(c Config) (Report, error) {
	begin := time.Now()
	from := begin.Add(c.Warmup)
	until := from.Add(c.Duration)
	tallies := make([]*tally, c.Conns)
	each(c.Conns, func(i int) {
		tallies[i] = newTally(c)
		conn := &closedConn{Config: c, tally: tallies[i], from: from, until: until, pick: newPicker(c.Classes, uint64(i))}
		conn.run()
	})
	// What was sent in time counts, and so does the time until its answer: a
	// large request that is cut off at the end would have cost the server
	// something and count for nothing.
	return gather(c, tallies, max(time.Since(from), c.Duration).Seconds()), nil
}

// run opens connections until the time is over.
func (c *closedConn) run() {
	for time.Now().Before(c.until) {
		conn, err := dial(c.Addr, c.until.Add(grace))
		if err != nil {
			c.fail(err)
			time.Sleep(time.Millisecond) // do not drown a server that refuses
			continue
		}
		if err := c.converse(conn); err != nil {
			c.fail(err)
		}
		c.bytes += conn.read
		_ = conn.conn.Close()
	}
}

// converse uses one connection as often as it may be used.
func (c *closedConn) converse(conn *client) error {
	left := c.PerConn
	for time.Now().Before(c.until) {
		n := c.Pipeline
		if c.PerConn > 0 {
			n = min(n, left)
			left -= n
		}
		ended, err := c.exchange(conn, n, c.PerConn > 0 && left == 0)
		if err != nil || ended || c.PerConn > 0 && left == 0 {
			return err
		}
	}
	return nil
}

// exchange sends n requests at once and reads their answers.
func (c *closedConn) exchange(conn *client, n int, last bool) (ended bool, err error) {
	c.batch, c.of = c.batch[:0], c.of[:0]
	var body int64
	for i := range n {
		class, head := c.pick.pick()
		if last && i == n-1 {
			head = closing(head)
		}
		c.batch, c.of = append(c.batch, head...), append(c.of, class)
		body = c.Classes[class].body // with Pipeline 1 only
	}
	sent := time.Now()
	if err := conn.send(c.batch, body); err != nil {
		return true, err
	}
	for _, class := range c.of {
		a, err := conn.receive()
		if err != nil {
			return true, err
		}
		c.count(class, sent, a)
		ended = ended || a.close
	}
	return ended, nil
}

// count enters an answer to what was sent within the counted time.
func (c *closedConn) count(class int, sent time.Time, a answer) {
	if sent.Before(c.from) || sent.After(c.until) {
		return
	}
	c.classes[class].Add(time.Since(sent))
	if a.status < 200 || a.status > 299 {
		c.bad++
	}
}
