package wherry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"wherry.example/wherry/engine"
	"wherry.example/wherry/internal/http1"
)

// This file lets tests ask an App without a port, and over a real one.

// Test gives raw bytes to the app through its real parser and session, in
// memory, and returns the answers in order. Several requests may stand behind
// each other; the client closes its sending side after the last byte.
//
//	answers, err := app.Test("GET /users/7 HTTP/1.1\r\nHost: x\r\n\r\n")
//
// Bytes that end before a head does are an error, and so is an answer that is
// cut. What was read until then is returned beside it, of the cut answer as
// much as came.
func (a *App) Test(raw string) ([]*TestResponse, error) {
	return a.test([]byte(raw))
}

// TestRequest is Test for one request that can write itself, as an
// *http.Request of net/http does, also one of httptest.NewRequest.
func (a *App) TestRequest(r interface{ Write(w io.Writer) error }) (*TestResponse, error) {
	var raw bytes.Buffer
	if err := r.Write(&raw); err != nil {
		return nil, err
	}
	answers, err := a.test(raw.Bytes())
	if err == nil && len(answers) != 1 {
		err = fmt.Errorf("wherry: %d answers to one request", len(answers))
	}
	if len(answers) == 0 {
		return nil, err
	}
	return answers[0], err
}

func (a *App) test(raw []byte) ([]*TestResponse, error) {
	if err := a.Build(); err != nil {
		return nil, err
	}
	conn := &memoryConn{in: raw}
	end := engine.Hangup
	if s := (opener{a.server}).Open(conn); s != nil {
		end = talk(s)
	}
	methods, rest := methodsOf(raw)
	answers, err := parseAnswers(append(methods, methodOf(rest)), conn.out.Bytes())
	if err == nil && end != engine.Detach && awaited(answers, len(methods)) {
		err = incomplete(len(methods), rest)
	}
	return answers, err
}

// awaited reports whether the server was ready for another request when the
// client ended: every one had its answer, and none said that it is the last.
func awaited(answers []*TestResponse, requests int) bool {
	if len(answers) != requests {
		return false
	}
	return requests == 0 || !strings.EqualFold(answers[requests-1].Headers.Get(HeaderConnection), "close")
}

// incomplete is the error for what stands behind the last request, if that is
// more than line ends.
func incomplete(requests int, rest []byte) error {
	if requests > 0 && len(bytes.Trim(rest, "\r\n")) == 0 {
		return nil
	}
	return fmt.Errorf("wherry: the head of request %d has no end; a head is CRLF between its lines and an empty line: %.100q", requests+1, rest)
}

// talk runs a session to its end.
func talk(s engine.Session) (next engine.Next) {
	defer s.Close(nil) // also when a handler ends this goroutine, as a failed test does
	for next != engine.Hangup && next != engine.Detach {
		next = s.Serve()
	}
	return next
}

// TestOn serves the app on a loopback port with an engine, sends the requests
// over one connection, each after the answer to the one before it, shuts the
// server down and returns the answers. The app cannot be served again.
func (a *App) TestOn(kind engine.Kind, requests ...string) ([]*TestResponse, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a.kind = kind // not by Engine: that is no setting of the app, and it may be built already
	served := make(chan error, 1)
	go func() { served <- a.Serve(ln) }()
	answers, err := converse(ln.Addr().String(), requests)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return answers, errors.Join(err, a.Shutdown(ctx), <-served)
}

// TestURL serves the app on a loopback port until a test has ended, and returns
// the URL of its root, without a slash at its end. t is the *testing.T: the
// test fails if the app cannot be served, or if its shutdown cuts connections
// after 10 s. The app cannot be served again.
func (a *App) TestURL(t interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
},
) (url string) {
	t.Helper()
	if err := a.Build(); err != nil {
		t.Fatalf("%v", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("wherry: %v", err)
	}
	served := make(chan error, 1)
	go func() { served <- a.Serve(ln) }()
	t.Cleanup(func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(a.Shutdown(ctx), <-served); err != nil {
			t.Errorf("%v", err)
		}
	})
	return "http://" + ln.Addr().String()
}

func converse(addr string, requests []string) (answers []*TestResponse, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	var got []byte
	for _, raw := range requests {
		if _, err := io.WriteString(conn, raw); err != nil {
			return answers, err
		}
		answer, rest, err := hear(conn, methodOf([]byte(raw)), got)
		if answer != nil {
			answers = append(answers, answer)
		}
		if err != nil {
			return answers, err
		}
		got = rest
	}
	return answers, nil
}

// hear reads one answer, of which got has come already, and returns what is
// behind it.
func hear(conn net.Conn, method string, got []byte) (answer *TestResponse, rest []byte, err error) {
	chunk := make([]byte, 4<<10)
	for {
		answer, used, err := parseAnswer(method, got, false)
		if err != io.ErrUnexpectedEOF {
			return answer, got[used:], err
		}
		n, err := conn.Read(chunk)
		got = append(got, chunk[:n]...)
		if n > 0 {
			continue
		}
		answer, used, failed := parseAnswer(method, got, true)
		if failed != nil {
			return answer, nil, errors.Join(err, cut(failed))
		}
		return answer, got[used:], nil
	}
}

// parseAnswers splits everything an app has written into answers. The methods
// of the requests are looked up for HEAD, which has no content.
func parseAnswers(methods []string, out []byte) ([]*TestResponse, error) {
	var answers []*TestResponse
	for len(out) > 0 {
		method := "GET"
		if len(answers) < len(methods) {
			method = methods[len(answers)]
		}
		answer, used, err := parseAnswer(method, out, true)
		if answer != nil {
			answers = append(answers, answer)
		}
		if err != nil {
			return answers, cut(err)
		}
		out = out[used:]
	}
	return answers, nil
}

// cut says what it means that an answer has no end.
func cut(err error) error {
	if err == io.ErrUnexpectedEOF {
		return fmt.Errorf("wherry: the answer is cut: %w", err)
	}
	return err
}

func methodOf(raw []byte) string {
	method, _, _ := bytes.Cut(raw, []byte(" "))
	return string(method)
}

// methodsOf returns the methods of requests behind each other, up to the first
// that is malformed, and what stands behind them: a head without an end.
func methodsOf(raw []byte) (methods []string, rest []byte) {
	var head http1.Head
	limits := http1.Limits{HeadBytes: 1 << 20, TargetBytes: 1 << 16, FieldLines: 1 << 10}
	for len(raw) > 0 {
		head.Reset()
		n, err := head.Parse(raw, &limits)
		if err != nil {
			return append(methods, methodOf(raw)), nil
		}
		if n == 0 {
			return methods, raw
		}
		methods = append(methods, string(head.MethodBytes()))
		framing, err := head.Framing()
		if err != nil {
			return methods, nil
		}
		raw = raw[n:]
		switch framing.Kind {
		case http1.LengthBody:
			raw = raw[min(framing.Length, int64(len(raw))):]
		case http1.ChunkedBody:
			_, used, err := dechunk(raw, &Headers{})
			if err != nil {
				return methods, nil
			}
			raw = raw[used:]
		}
	}
	return methods, nil
}

// memoryConn is a connection whose client has sent everything.
type memoryConn struct {
	in  []byte
	out bytes.Buffer
}

func (m *memoryConn) Read(p []byte) (int, error) {
	if len(m.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, m.in)
	m.in = m.in[n:]
	return n, nil
}

func (m *memoryConn) Write(p []byte) (int, error)      { return m.out.Write(p) }
func (m *memoryConn) Close() error                     { return nil }
func (m *memoryConn) LocalAddr() net.Addr              { return memoryAddr{} }
func (m *memoryConn) RemoteAddr() net.Addr             { return memoryAddr{} }
func (m *memoryConn) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (m *memoryConn) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (m *memoryConn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "memory" }
