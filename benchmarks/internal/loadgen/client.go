package loadgen

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// client is one connection that asks and reads answers: those with a
// Content-Length, chunked ones, and nothing else.
type client struct {
	conn net.Conn
	buf  []byte
	r, w int // buf[r:w] has been read and not used
	read int64
}

// answer is what is known of a response once it has been read.
type answer struct {
	status  int
	length  int64
	chunked bool
	close   bool
}

var zeros [64 << 10]byte

func dial(addr string, until time.Time) (*client, error) {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, buf: make([]byte, 8<<10)}, conn.SetDeadline(until)
}

// send writes heads and behind them body zeros.
func (c *client) send(head []byte, body int64) error {
	if _, err := c.conn.Write(head); err != nil {
		return err
	}
	for body > 0 {
		n := min(body, int64(len(zeros)))
		if _, err := c.conn.Write(zeros[:n]); err != nil {
			return err
		}
		body -= n
	}
	return nil
}

// receive reads one answer and forgets its content.
func (c *client) receive() (answer, error) {
	end := endOfHead(c.buf[c.r:c.w])
	for ; end < 0; end = endOfHead(c.buf[c.r:c.w]) {
		if err := c.fill(); err != nil {
			return answer{}, err
		}
	}
	a, err := parseHead(c.buf[c.r : c.r+end-2])
	if err != nil {
		return a, err
	}
	c.r += end
	if a.chunked {
		return a, c.skipChunks()
	}
	return a, c.skip(a.length)
}

// fill reads more behind what is there.
func (c *client) fill() error {
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	if c.w == len(c.buf) && c.r > 0 {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
	if c.w == len(c.buf) {
		return errors.New("the head of an answer is too long")
	}
	n, err := c.conn.Read(c.buf[c.w:])
	c.w += n
	c.read += int64(n)
	if n > 0 {
		return nil
	}
	return err
}

// skip forgets n bytes of content.
func (c *client) skip(n int64) error {
	have := min(n, int64(c.w-c.r))
	c.r += int(have)
	n -= have
	if n > int64(len(c.buf)) && len(c.buf) < 256<<10 {
		c.buf = make([]byte, 256<<10)
		c.r, c.w = 0, 0
	}
	for n > 0 {
		if err := c.fill(); err != nil {
			return err
		}
		have = min(n, int64(c.w-c.r))
		c.r += int(have)
		n -= have
	}
	return nil
}

// skipChunks forgets a chunked body. Trailer fields are not expected.
func (c *client) skipChunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(line), 16, 63)
		if err != nil {
			return fmt.Errorf("chunk size %q", line)
		}
		if err := c.skip(size + 2); err != nil || size == 0 {
			return err
		}
	}
}

// line reads up to the next CRLF.
func (c *client) line() ([]byte, error) {
	for {
		if n := bytes.Index(c.buf[c.r:c.w], []byte("\r\n")); n >= 0 {
			line := c.buf[c.r : c.r+n]
			c.r += n + 2
			return line, nil
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// parseHead reads a head whose lines all end with CRLF.
func parseHead(head []byte) (a answer, err error) {
	line, rest, _ := bytes.Cut(head, []byte("\r\n"))
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return a, fmt.Errorf("no status line: %.40q", line)
	}
	for _, digit := range line[9:12] {
		a.status = a.status*10 + int(digit-'0')
	}
	a.close = line[7] == '0'
	for len(rest) > 0 && err == nil {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		err = a.field(line)
	}
	return a, err
}

// field notes what a field line says about the length.
func (a *answer) field(line []byte) (err error) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimSpace(value)
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		if a.length, err = strconv.ParseInt(string(value), 10, 64); err != nil || a.length < 0 {
			return fmt.Errorf("Content-Length: %q", value)
		}
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		a.chunked = bytes.EqualFold(value, []byte("chunked"))
	case bytes.EqualFold(name, []byte("Connection")):
		a.close = bytes.EqualFold(value, []byte("close"))
	}
	return nil
}

// endOfHead returns where the head ends, its empty line included; -1 while it
// has not.
func endOfHead(b []byte) int {
	if n := bytes.Index(b, []byte("\r\n\r\n")); n >= 0 {
		return n + 4
	}
	return -1
}
