package wherry_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// This file runs the conversations of testdata/conformance: what a client
// sends, and what it must read, on the wire. The format:
//
//	## RFC 9112 section 6.3 a title that begins with its section
//	! app NAME        which app of conformance_app_test.go (default)
//	> GET / HTTP/1.1  sent, with CRLF unless the line ends in a backslash;
//	> Host: x         \r \n \t \0 \xHH \\ are bytes, {A*100} is a hundred As
//	>
//	! half-close      the client shuts its sending side
//	! head            the next answer is one to HEAD
//	< HTTP/1.1 200    an answer whose status line begins so,
//	< Name: value     with this field line,
//	<! Name           without this field,
//	<
//	< content         and exactly this content (lines joined by \n)
//	! close           the server ends the connection, without a reset
//
// Sending and reading alternate as written. Without close, the connection
// must answer one more request. Every conversation runs on every engine, sent
// as a whole, cut at every line end, and byte by byte; and cut in two at every
// offset over a pipe, which keeps the pieces apart.

type conversation struct {
	file, title, app string
	steps            []talk
	close            bool
}

// talk is one thing the client does.
type talk struct {
	send      []byte
	halfClose bool
	answer    *wanted
}

type wanted struct {
	status  string
	head    bool
	fields  [][2]string
	absent  []string
	content *string
}

var repetition = regexp.MustCompile(`\{([^{}*]+)\*(\d+)\}`)

// expand replaces the escapes of a sent or expected line.
func expand(line string) string {
	line = repetition.ReplaceAllStringFunc(line, func(s string) string {
		m := repetition.FindStringSubmatch(s)
		n, _ := strconv.Atoi(m[2])
		return strings.Repeat(m[1], n)
	})
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' || i+1 == len(line) {
			b.WriteByte(line[i])
			continue
		}
		i++
		switch line[i] {
		case 'r':
			b.WriteByte('\r')
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case '0':
			b.WriteByte(0)
		case 'x':
			n, _ := strconv.ParseUint(line[i+1:i+3], 16, 8)
			b.WriteByte(byte(n))
			i += 2
		default:
			b.WriteByte(line[i])
		}
	}
	return b.String()
}

// sentLine returns the bytes of a line that is sent.
func sentLine(line string) string {
	if cut, ok := strings.CutSuffix(line, `\`); ok && !strings.HasSuffix(cut, `\`) {
		return expand(cut)
	}
	return expand(line) + "\r\n"
}

// parseConversations reads one file.
func parseConversations(file, text string) (all []*conversation, err error) {
	var c *conversation
	head, inContent := false, false
	for n, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "## ") {
			c = &conversation{file: file, title: line[3:], app: "default"}
			all = append(all, c)
			continue
		}
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "//") {
			continue
		}
		mark, rest := line[:1], strings.TrimPrefix(line[1:], " ")
		switch {
		case c == nil:
			return nil, fmt.Errorf("%s:%d: %q before a title", file, n+1, line)
		case mark == ">":
			inContent = false
			c.sends(sentLine(rest))
		case line == "! close":
			c.close = true
		case line == "! half-close":
			c.steps = append(c.steps, talk{halfClose: true})
		case line == "! head":
			head = true
		case strings.HasPrefix(line, "! app "):
			c.app = line[len("! app "):]
		case mark == "<":
			if strings.HasPrefix(rest, "HTTP/") && !inContent {
				c.steps = append(c.steps, talk{answer: &wanted{status: rest, head: head}})
				head = false
				continue
			}
			if strings.HasPrefix(rest, "HTTP/1.1 ") {
				inContent = false
				c.steps = append(c.steps, talk{answer: &wanted{status: rest, head: head}})
				head = false
				continue
			}
			inContent, err = c.wants(line, rest, inContent)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file, n+1, err)
			}
		default:
			return nil, fmt.Errorf("%s:%d: %q is nothing a conversation can hold", file, n+1, line)
		}
	}
	return all, nil
}

func (c *conversation) sends(text string) {
	if n := len(c.steps); n > 0 && c.steps[n-1].answer == nil && !c.steps[n-1].halfClose {
		c.steps[n-1].send = append(c.steps[n-1].send, text...)
		return
	}
	c.steps = append(c.steps, talk{send: []byte(text)})
}

// wants adds a line to the answer that is described.
func (c *conversation) wants(line, rest string, inContent bool) (bool, error) {
	if len(c.steps) == 0 || c.steps[len(c.steps)-1].answer == nil {
		return false, fmt.Errorf("%q belongs to no answer", line)
	}
	w := c.steps[len(c.steps)-1].answer
	switch {
	case inContent && *w.content == "\x00none":
		*w.content = expand(rest)
	case inContent:
		*w.content += "\n" + expand(rest)
	case rest == "":
		none := "\x00none"
		w.content = &none
		return true, nil
	case strings.HasPrefix(line, "<!"):
		w.absent = append(w.absent, strings.TrimSpace(line[2:]))
	default:
		name, value, found := strings.Cut(rest, ": ")
		if !found {
			return false, fmt.Errorf("%q is no field line", rest)
		}
		w.fields = append(w.fields, [2]string{name, expand(value)})
	}
	return inContent, nil
}

// cuttings are the ways to cut what is sent on a socket.
var cuttings = map[string]func([]byte) [][]byte{
	"whole": func(b []byte) [][]byte { return [][]byte{b} },
	"lines": func(b []byte) [][]byte { return bytes.SplitAfter(b, []byte("\n")) },
	"bytes": func(b []byte) [][]byte {
		var pieces [][]byte
		for len(b) > 2000 { // the first bytes and the last ones matter
			pieces, b = append(pieces, b[:997]), b[997:]
		}
		for i := range b {
			pieces = append(pieces, b[i:i+1])
		}
		return pieces
	},
}

func TestConformance(t *testing.T) {
	all := readCorpus(t)
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			dial := startApps(t, kind, func() (net.Listener, func() (net.Conn, error)) {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				return ln, func() (net.Conn, error) { return net.Dial("tcp", ln.Addr().String()) }
			})
			for _, c := range all {
				t.Run(c.file+"/"+c.title, func(t *testing.T) {
					t.Parallel()
					var runs sync.WaitGroup
					for name, cut := range cuttings {
						runs.Go(func() {
							if err := c.run(dial[c.app], cut); err != nil {
								t.Errorf("cut %s: %v", name, err)
							}
						})
					}
					runs.Wait()
				})
			}
		})
	}
}

// TestConformanceCuts cuts every conversation in two at every offset.
func TestConformanceCuts(t *testing.T) {
	all := readCorpus(t)
	dial := startApps(t, engine.Threaded, func() (net.Listener, func() (net.Conn, error)) {
		ln := newPipeListener()
		return ln, ln.dial
	})
	for _, c := range all {
		t.Run(c.file+"/"+c.title, func(t *testing.T) {
			t.Parallel()
			longest := 0
			for _, s := range c.steps {
				longest = max(longest, len(s.send))
			}
			step := max(1, longest/150)
			var runs sync.WaitGroup
			for at := 1; at < longest; at += step {
				runs.Go(func() {
					err := c.run(dial[c.app], func(b []byte) [][]byte {
						return [][]byte{b[:min(at, len(b))], b[min(at, len(b)):]}
					})
					if err != nil {
						t.Errorf("cut at %d: %v", at, err)
					}
				})
			}
			runs.Wait()
		})
	}
}

func readCorpus(t *testing.T) []*conversation {
	files, err := filepath.Glob("testdata/conformance/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all []*conversation
	titles := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		some, err := parseConversations(strings.TrimSuffix(filepath.Base(file), ".txt"), string(text))
		require.NoError(t, err)
		for _, c := range some {
			require.False(t, titles[c.file+c.title], "%s: title %q is used twice", c.file, c.title)
			titles[c.file+c.title] = true
			require.NotEmpty(t, c.steps, "%s: %q says nothing", c.file, c.title)
		}
		all = append(all, some...)
	}
	return all
}

// startApps serves every app of the corpus and returns how to reach each.
func startApps(t *testing.T, kind engine.Kind, listen func() (net.Listener, func() (net.Conn, error))) map[string]func() (net.Conn, error) {
	dial := map[string]func() (net.Conn, error){}
	for name, build := range corpusApps {
		app := build().Engine(kind)
		require.NoError(t, app.Build())
		ln, d := listen()
		dial[name] = d
		served := make(chan error, 1)
		go func() { served <- app.Serve(ln) }()
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			require.NoError(t, app.Shutdown(ctx))
			require.NoError(t, <-served)
		})
	}
	return dial
}

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

// pipeListener is a listener whose connections are pipes: what is written
// apart is read apart.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) dial() (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func TestCorpusLoader(t *testing.T) {
	for _, wrong := range []string{"> GET", "## x\n< Name: value", "## x\n? what", "## x\n> a\n< HTTP/1.1 200\n< no field"} {
		_, err := parseConversations("test", wrong)
		require.Error(t, err, wrong)
	}
	got, err := parseConversations("test", "## a title\n! app tight\n> a{b*3}\\x41\\\n> \n> c\n< HTTP/1.1 200 OK\n< A: b\n<! C\n<\n< one\n< two\n! close\n")
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, "abbbA\r\nc\r\n", string(got[0].steps[0].send))
	require.Equal(t, "tight", got[0].app)
	require.True(t, got[0].close)
	require.Equal(t, "one\ntwo", *got[0].steps[1].answer.content)
	var _ = wherry.New
}
