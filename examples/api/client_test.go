//go:build unix

package main_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// client is one connection at a time that is used for many requests.
type client struct {
	conn   net.Conn
	reader *bufio.Reader
	begun  bool // a part of the last answer has come
	closes bool // the last answer said so
}

// exchange sends a request and reads the answer to its end. The error is
// syscall.ECONNREFUSED if nobody listens there.
func (c *client) exchange(addr, request string) (status int, err error) {
	c.begun = false
	if c.conn == nil {
		conn, err := net.DialTimeout("tcp", addr, patience)
		if err != nil {
			return 0, err
		}
		c.conn, c.reader = conn, bufio.NewReader(conn)
	}
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(c.conn, request); err != nil {
		return 0, err
	}
	return c.answer()
}

// answer reads one answer with a Content-Length.
func (c *client) answer() (status int, err error) {
	_, err = c.reader.Peek(1)
	if c.begun = err == nil; err != nil {
		return 0, err
	}
	r := textproto.NewReader(c.reader)
	line, err := r.ReadLine()
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscanf(line, "HTTP/1.1 %d", &status); err != nil {
		return 0, err
	}
	fields, err := r.ReadMIMEHeader()
	if err != nil {
		return 0, err
	}
	length, err := strconv.ParseInt(fields.Get("Content-Length"), 10, 64)
	if err != nil {
		return 0, err
	}
	if _, err := io.CopyN(io.Discard, c.reader, length); err != nil {
		return 0, err
	}
	c.closes = strings.EqualFold(fields.Get("Connection"), "close")
	return status, nil
}

func (c *client) hangUp() {
	if c.conn != nil {
		_ = c.conn.Close()
	}
	*c = client{}
}

const postContent = `{"title":"a task that is made under load"}`

// requestOf returns a request that can be told from all others: every fourth
// one makes a task, the others list some.
func requestOf(n int64, agent string) string {
	fields := " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\nUser-Agent: " + agent + "\r\n"
	if n%4 != 0 {
		return "GET /v1/tasks?limit=2" + fields + "\r\n"
	}
	return fmt.Sprintf("POST /v1/tasks%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", fields, len(postContent), postContent)
}

// load sends requests one after the other until all is over.
func (s *tally) load(f *fleet) {
	var c client
	defer c.hangUp()
	for !s.over.Load() {
		n := s.begun.Add(1)
		agent := fmt.Sprintf("load-%d", n)
		status, err := s.persist(&c, f, requestOf(n, agent))
		if err != nil {
			s.failed.Store(agent, err)
			continue
		}
		s.answered.Store(agent, status)
		if c.closes {
			s.last.Add(1)
			c.hangUp()
		}
	}
}

// persist sends a request until there is an answer. It goes on to the next
// instance when one refuses connections, and tries again, as clients do (RFC
// 9112 section 9.3.1), when a connection ends before the first byte of the
// answer. Whether that was right is judged by what the processes have logged:
// each request once.
func (s *tally) persist(c *client, f *fleet, request string) (status int, err error) {
	for range 100 {
		at := f.current.Load()
		status, err = c.exchange(f.addrs[at], request)
		switch {
		case err == nil, c.begun:
			return status, err
		case errors.Is(err, syscall.ECONNREFUSED):
			s.refused.Add(1)
			f.leave(at)
		default:
			s.unread.Add(1)
		}
		c.hangUp()
	}
	return 0, err
}

// held are requests whose content is not complete yet.
type held struct {
	name    string
	clients []*client
}

// hold sends requests without the end of their content. All of them are being
// handled: 100 (Continue) says that somebody waits for the content.
func hold(t *testing.T, addr, name string, n int) held {
	t.Helper()
	h := held{name: name}
	for i := range n {
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(2*patience)))
		head, content, _ := strings.Cut(requestOf(0, fmt.Sprintf("%s-%d", name, i)), "\r\n\r\n")
		_, err = io.WriteString(conn, head+"\r\nExpect: 100-continue\r\n\r\n")
		require.NoError(t, err)
		goOn := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
		_, err = io.ReadFull(conn, goOn)
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 100 Continue\r\n\r\n", string(goOn))
		_, err = io.WriteString(conn, content[:len(content)-9])
		require.NoError(t, err)
		h.clients = append(h.clients, &client{conn: conn, reader: bufio.NewReader(conn)})
	}
	return h
}

// finish sends the rest and reads the answers.
func (h held) finish(t *testing.T, s *tally) {
	t.Helper()
	for i, c := range h.clients {
		_, err := io.WriteString(c.conn, postContent[len(postContent)-9:])
		require.NoError(t, err)
		status, err := c.answer()
		require.NoError(t, err, "a request in flight")
		require.True(t, c.closes, "it is told that this was the last answer")
		s.answered.Store(fmt.Sprintf("%s-%d", h.name, i), status)
		c.hangUp()
	}
}
