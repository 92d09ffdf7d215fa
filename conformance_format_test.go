package wherry_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// This file reads the conversations of testdata/conformance: what a client
// sends, and what it must read. The format:
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
// must answer one more request.

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
}
