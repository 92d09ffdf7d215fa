package wherry

import (
	"errors"
	"time"

	"wherry.example/wherry/engine"
)

// This file bounds how long a peer may make the server wait inside a message.
// There is no time for a whole message: a long download and an endless stream
// of events are fine as long as they move. What is bounded is standing still,
// and moving more slowly than a least rate after that much grace.

// stall is the patience with one direction of one exchange.
type stall struct {
	waited time.Duration // spent waiting for the peer
	moved  int64         // bytes that came of it
}

// budget returns how long the next wait may take.
func (t *stall) budget(limit time.Duration, rate int64) time.Duration {
	if rate <= 0 {
		return limit
	}
	earned := limit - t.waited + time.Duration(float64(t.moved)/float64(rate)*float64(time.Second))
	return max(0, min(limit, earned))
}

// spent accounts for one wait.
func (t *stall) spent(wait time.Duration, n int) {
	t.waited += wait
	t.moved += int64(n)
}

// await reads into p and waits for the peer if it must. Answers that wait go
// out first, since the peer may be waiting for them.
func (s *session) await(p []byte) (int, error) {
	x := s.x
	if err := x.flush(); err != nil {
		return 0, err
	}
	start := time.Now()
	budget := x.reading.budget(s.app.timeouts.BodyStall, s.app.limits.MinRate)
	_ = s.conn.SetReadDeadline(start.Add(budget))
	s.deadline = 0
	n, err := s.conn.Read(p)
	x.reading.spent(time.Since(start), n)
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// fileSlice is how much of a file is sent under one deadline.
const fileSlice = 1 << 20

// sendFile sends n bytes of a file that the system copies itself. It returns
// errors.ErrUnsupported, with nothing sent, where it cannot.
func (s *session) sendFile(f engine.File, n int64) (sent int64, err error) {
	sender, ok := s.conn.(engine.FileSender)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	for sent < n {
		start := time.Now()
		budget := s.x.writing.budget(s.app.timeouts.WriteStall, s.app.limits.MinRate)
		_ = s.conn.SetWriteDeadline(start.Add(budget))
		m, err := sender.SendFile(f, min(n-sent, fileSlice))
		s.x.writing.spent(time.Since(start), int(m))
		sent += m
		if err != nil && !(isTimeout(err) && m > 0) {
			return sent, err
		}
	}
	return sent, nil
}

// writeSlice is how much is given to a connection that makes us wait under
// one deadline.
const writeSlice = 64 << 10

// write writes all of p. What fits now costs no look at the clock.
func (s *session) write(p []byte) error {
	if s.try != nil {
		n, err := s.try.TryWrite(p)
		p = p[n:]
		if len(p) == 0 || err != nil && !errors.Is(err, engine.ErrWouldBlock) {
			return err
		}
	}
	for len(p) > 0 {
		slice := p[:min(len(p), writeSlice)]
		start := time.Now()
		budget := s.x.writing.budget(s.app.timeouts.WriteStall, s.app.limits.MinRate)
		_ = s.conn.SetWriteDeadline(start.Add(budget))
		n, err := s.conn.Write(slice)
		s.x.writing.spent(time.Since(start), n)
		p = p[n:]
		if err != nil && !(isTimeout(err) && n > 0) {
			return err
		}
	}
	return nil
}
