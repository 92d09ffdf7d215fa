package wherry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"wherry.example/wherry/engine"
	"wherry.example/wherry/internal/http1"
)

// This file lets tests ask an App without a port, and over a real one.

// TestResponse is one answer as a client reads it.
type TestResponse struct {
	Status   int
	Headers  *Headers
	Body     []byte // decoded content
	Trailers *Headers
	Interim  []int // statuses of the interim responses before it
}

// Test gives raw bytes to the app through its real parser and session, in
// memory, and returns the answers in order. Several requests may stand behind
// each other; the client closes its sending side after the last byte.
//
//	answers, err := app.Test("GET /users/7 HTTP/1.1\r\nHost: x\r\n\r\n")
func (a *App) Test(raw string) ([]*TestResponse, error) {
	return a.test([]byte(raw))
}

// TestRequest is Test for one request that can write itself, as an
// *http.Request of net/http does.
func (a *App) TestRequest(r interface{ Write(w io.Writer) error }) (*TestResponse, error) {
	var raw bytes.Buffer
	if err := r.Write(&raw); err != nil {
		return nil, err
	}
	answers, err := a.test(raw.Bytes())
	if err == nil && len(answers) != 1 {
		err = fmt.Errorf("wherry: %d answers to one request", len(answers))
	}
	if err != nil {
		return nil, err
	}
	return answers[0], nil
}

func (a *App) test(raw []byte) ([]*TestResponse, error) {
	if err := a.Build(); err != nil {
		return nil, err
	}
	conn := &memoryConn{in: raw}
	if s := (opener{a.server}).Open(conn); s != nil {
		talk(s)
	}
	return parseAnswers(raw, conn.out.Bytes())
}

// talk runs a session to its end.
func talk(s engine.Session) {
	defer s.Close(nil) // also when a handler ends this goroutine, as a failed test does
	for next := engine.Park; next != engine.Hangup && next != engine.Detach; {
		next = s.Serve()
	}
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
		for {
			answer, used, err := parseAnswer(methodOf([]byte(raw)), got, false)
			if err == nil {
				answers, got = append(answers, answer), got[used:]
				break
			}
			if err != io.ErrUnexpectedEOF {
				return answers, err
			}
			chunk := make([]byte, 4<<10)
			n, err := conn.Read(chunk)
			got = append(got, chunk[:n]...)
			if n > 0 {
				continue
			}
			answer, used, parseErr := parseAnswer(methodOf([]byte(raw)), got, true)
			if parseErr != nil {
				return answers, errors.Join(err, parseErr)
			}
			answers, got = append(answers, answer), got[used:]
			break
		}
	}
	return answers, nil
}

// parseAnswers splits everything an app has written into answers. The methods
// of the requests are looked up for HEAD, which has no content.
func parseAnswers(requests, out []byte) ([]*TestResponse, error) {
	var answers []*TestResponse
	methods := methodsOf(requests)
	for len(out) > 0 {
		method := "GET"
		if len(answers) < len(methods) {
			method = methods[len(answers)]
		}
		answer, used, err := parseAnswer(method, out, true)
		if err != nil {
			return answers, err
		}
		answers, out = append(answers, answer), out[used:]
	}
	return answers, nil
}

func methodOf(raw []byte) string {
	method, _, _ := bytes.Cut(raw, []byte(" "))
	return string(method)
}

// methodsOf returns the methods of well-formed requests behind each other.
func methodsOf(raw []byte) []string {
	var methods []string
	var head http1.Head
	limits := http1.Limits{HeadBytes: 1 << 20, TargetBytes: 1 << 16, FieldLines: 1 << 10}
	for len(raw) > 0 {
		head.Reset()
		n, err := head.Parse(raw, &limits)
		if n == 0 || err != nil {
			return append(methods, methodOf(raw))
		}
		methods = append(methods, string(head.MethodBytes()))
		framing, err := head.Framing()
		if err != nil {
			return methods
		}
		raw = raw[n:]
		switch framing.Kind {
		case http1.LengthBody:
			raw = raw[min(framing.Length, int64(len(raw))):]
		case http1.ChunkedBody:
			_, used, _, err := dechunk(raw)
			if err != nil {
				return methods
			}
			raw = raw[used:]
		}
	}
	return methods
}

// dechunk decodes a chunked body that is there as a whole.
func dechunk(raw []byte) (content []byte, used int, trailers *Headers, err error) {
	var d http1.Chunked
	d.Reset(http1.ChunkedLimits{ExtensionBytes: 1 << 16, TrailerBytes: 1 << 16, TrailerLines: 1 << 10})
	for !d.Done() {
		data, n, err := d.Next(raw[used:])
		if err != nil {
			return nil, 0, nil, err
		}
		content, used = append(content, data...), used+n
		if n == 0 && !d.Done() {
			return nil, 0, nil, io.ErrUnexpectedEOF
		}
	}
	trailers = &Headers{}
	for name, value := range (Fields{trailerLines{&d}}).All() {
		trailers.Add(name, value)
	}
	return content, used, trailers, nil
}

// parseAnswer reads one final answer with its interim ones from the front of
// out, strictly. Without the end of the connection, io.ErrUnexpectedEOF asks
// for more bytes.
func parseAnswer(method string, out []byte, ended bool) (*TestResponse, int, error) {
	answer := &TestResponse{Trailers: &Headers{}}
	used := 0
	for {
		head, rest, whole := bytes.Cut(out[used:], []byte("\r\n\r\n"))
		if !whole {
			return nil, 0, io.ErrUnexpectedEOF
		}
		used = len(out) - len(rest)
		if err := answer.parseHead(head); err != nil {
			return nil, 0, err
		}
		if answer.Status == 101 || answer.Status >= 200 {
			break
		}
		answer.Interim = append(answer.Interim, answer.Status)
	}
	n, err := answer.parseContent(method, out[used:], ended)
	return answer, used + n, err
}

func (t *TestResponse) parseHead(head []byte) error {
	t.Headers = &Headers{}
	line, rest, _ := bytes.Cut(head, []byte("\r\n"))
	if len(line) < 13 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) || line[12] != ' ' {
		return fmt.Errorf("wherry: status line %q", line)
	}
	t.Status = 0
	for _, b := range line[9:12] {
		t.Status = t.Status*10 + int(b-'0')
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found {
			return fmt.Errorf("wherry: field line %q", line)
		}
		t.Headers.Add(string(name), string(bytes.Trim(value, " \t")))
	}
	return t.Headers.err
}

// parseContent decodes the content and returns how many bytes it took.
func (t *TestResponse) parseContent(method string, out []byte, ended bool) (used int, err error) {
	length, err := declaredLength(t.Headers)
	switch {
	case err != nil:
		return 0, err
	case method == "HEAD" || t.Status == 204 || t.Status == 304 || t.Status == 101:
		return 0, nil
	case t.Headers.Has(HeaderTransferEncoding):
		t.Body, used, t.Trailers, err = dechunk(out)
		return used, err
	case length >= 0 && length > int64(len(out)) || length < 0 && !ended:
		return 0, io.ErrUnexpectedEOF
	case length < 0:
		length = int64(len(out))
	}
	t.Body = append([]byte(nil), out[:length]...)
	return int(length), nil
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
