package wherry_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// This file has a conversation of the corpus with a server, once.

// run has the conversation once.
func (c *conversation) run(dial func() (net.Conn, error), cut func([]byte) [][]byte) error {
	if dial == nil {
		return fmt.Errorf("there is no app %q", c.app)
	}
	conn, err := dial()
	if err != nil {
		return err
	}
	var log transcript
	var writers sync.WaitGroup
	defer writers.Wait()
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * patience))
	in := bufio.NewReader(io.TeeReader(conn, &log))
	var before chan struct{}
	for _, s := range c.steps {
		switch {
		case s.answer != nil:
			err = s.answer.check(in)
		case s.halfClose:
			half, ok := conn.(interface{ CloseWrite() error })
			if !ok {
				return nil // a pipe cannot; sockets do
			}
			<-before
			err = half.CloseWrite()
		default:
			done, after := make(chan struct{}), before
			before = done
			writers.Add(1)
			go func() { // a client that reads while it sends
				defer writers.Done()
				defer close(done)
				if after != nil {
					<-after
				}
				for _, piece := range cut(s.send) {
					if _, err := conn.Write(piece); err != nil {
						return // the server may refuse before it has read all
					}
				}
			}()
		}
		if err != nil {
			return fmt.Errorf("%w\n%s", err, c.describe(&log))
		}
	}
	if err := c.checkEnd(conn, in, before); err != nil {
		return fmt.Errorf("%w\n%s", err, c.describe(&log))
	}
	return nil
}

// checkEnd looks whether the connection is closed, or as good as new.
func (c *conversation) checkEnd(conn net.Conn, in *bufio.Reader, sent chan struct{}) error {
	if c.close {
		rest, err := io.ReadAll(in)
		if err != nil {
			return fmt.Errorf("the end of the connection is not clean: %w", err)
		}
		if len(rest) > 0 {
			return fmt.Errorf("after the last answer: %q", rest)
		}
		return nil
	}
	go func() {
		<-sent
		_, _ = io.WriteString(conn, "GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n")
	}()
	probe := "probe"
	if err := (&wanted{status: "HTTP/1.1 200 OK", content: &probe}).check(in); err != nil {
		return fmt.Errorf("the next request: %w", err)
	}
	if in.Buffered() > 0 {
		rest, _ := in.Peek(in.Buffered())
		return fmt.Errorf("after the last answer: %q", rest)
	}
	return nil
}

// check reads one answer.
func (w *wanted) check(in *bufio.Reader) error {
	method := "GET"
	if w.head {
		method = "HEAD"
	}
	answer, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		return fmt.Errorf("want %q: %w", w.status, err)
	}
	defer answer.Body.Close()
	if len(answer.Trailer) > 0 { // what was announced
		answer.Header.Set("Trailer", strings.Join(slices.Sorted(maps.Keys(answer.Trailer)), ", "))
	}
	content, err := io.ReadAll(answer.Body)
	if err != nil && !(errors.Is(err, io.ErrUnexpectedEOF) && w.content == nil) {
		return fmt.Errorf("content of %q: %w", w.status, err)
	}
	got := answer.Proto + " " + answer.Status
	if !strings.HasPrefix(got, w.status) {
		return fmt.Errorf("want %q, got %q", w.status, got)
	}
	for name, values := range answer.Trailer {
		answer.Header["Trailer-"+name] = values
	}
	if answer.TransferEncoding != nil {
		answer.Header.Set("Transfer-Encoding", strings.Join(answer.TransferEncoding, ", "))
	}
	if answer.Close && answer.Header.Get("Connection") == "" {
		answer.Header.Set("Connection", "close")
	}
	if answer.StatusCode >= 200 && answer.Header.Get("Date") == "" {
		return fmt.Errorf("%q has no Date", got)
	}
	for _, f := range w.fields {
		if have := strings.Join(answer.Header.Values(f[0]), " | "); have != f[1] {
			return fmt.Errorf("%q: want %s: %q, got %q", got, f[0], f[1], have)
		}
	}
	for _, name := range w.absent {
		if _, have := answer.Header[http.CanonicalHeaderKey(name)]; have {
			return fmt.Errorf("%q: %s must be absent, got %q", got, name, answer.Header.Get(name))
		}
	}
	if w.content != nil && *w.content == "\x00none" && len(content) > 0 {
		return fmt.Errorf("%q: want no content, got %q", got, content)
	}
	if w.content != nil && *w.content != "\x00none" && string(content) != *w.content {
		return fmt.Errorf("%q: want content %q, got %q", got, *w.content, content)
	}
	return nil
}

// transcript is everything that was read.
type transcript struct {
	mu sync.Mutex // guards the following
	b  bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (c *conversation) describe(log *transcript) string {
	log.mu.Lock()
	defer log.mu.Unlock()
	var b strings.Builder
	for _, s := range c.steps {
		if s.send != nil {
			fmt.Fprintf(&b, "sent %.600q\n", s.send)
		}
	}
	fmt.Fprintf(&b, "read %.1200q", log.b.Bytes())
	return b.String()
}
