package wherry

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"wherry.example/wherry/internal/http1"
)

// This file reads answers as strictly as the framework reads requests, for
// tests.

// TestResponse is one answer as a client reads it.
type TestResponse struct {
	Status   int // 0 if only interim responses have come
	Headers  *Headers
	Body     []byte // decoded content
	Trailers *Headers
	Interim  []int // statuses of the interim responses before it
}

// shownBytes is how much of the content String shows.
const shownBytes = 1 << 10

// String returns the answer as text, for messages of failed tests: the status,
// the fields, and after an empty line the content. Of content beyond 1 KiB it
// shows the beginning; what is no text is quoted.
func (t *TestResponse) String() string {
	if t == nil {
		return "<nil>"
	}
	var s strings.Builder
	for _, status := range t.Interim {
		fmt.Fprintln(&s, status)
	}
	fmt.Fprintln(&s, t.Status)
	writeFields(&s, t.Headers)
	if len(t.Body) > 0 {
		s.WriteString("\n" + shown(t.Body) + "\n")
	}
	writeFields(&s, t.Trailers)
	return s.String()
}

func writeFields(s *strings.Builder, h *Headers) {
	if h == nil {
		return
	}
	for name, value := range h.All() {
		s.WriteString(name + ": " + value + "\n")
	}
}

func shown(body []byte) string {
	n, more := len(body), ""
	if n > shownBytes {
		n, more = shownBytes, fmt.Sprintf("\n(%d bytes in all)", len(body))
		for n > shownBytes-utf8.UTFMax && !utf8.RuneStart(body[n]) {
			n-- // no character is divided
		}
	}
	if !utf8.Valid(body[:n]) {
		return strconv.Quote(string(body[:n])) + more
	}
	return string(body[:n]) + more
}

// dechunk decodes a chunked body that is there as a whole, and adds the fields
// behind it to trailers. Beside an error the content is what there is of it.
func dechunk(raw []byte, trailers *Headers) (content []byte, used int, err error) {
	var d http1.Chunked
	d.Reset(http1.ChunkedLimits{ExtensionBytes: 1 << 16, TrailerBytes: 1 << 16, TrailerLines: 1 << 10})
	for !d.Done() {
		data, n, err := d.Next(raw[used:])
		if err != nil {
			return content, 0, err
		}
		content, used = append(content, data...), used+n
		if n == 0 && !d.Done() {
			return content, 0, io.ErrUnexpectedEOF
		}
	}
	for name, value := range (Fields{trailerLines{&d}}).All() {
		trailers.Add(name, value)
	}
	return content, used, nil
}

// parseAnswer reads one final answer with its interim ones from the front of
// out, strictly. Without the end of the connection, io.ErrUnexpectedEOF asks
// for more bytes. Beside an error the answer is what there is of it, nil
// without a head.
func parseAnswer(method string, out []byte, ended bool) (*TestResponse, int, error) {
	answer := &TestResponse{Trailers: &Headers{}}
	used := 0
	for {
		head, rest, whole := bytes.Cut(out[used:], []byte("\r\n\r\n"))
		if !whole && answer.Interim == nil {
			return nil, 0, io.ErrUnexpectedEOF
		}
		if !whole {
			answer.Status, answer.Headers = 0, &Headers{}
			return answer, 0, io.ErrUnexpectedEOF
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
		t.Body, used, err = dechunk(out, t.Trailers)
		return used, err
	case length >= 0 && length > int64(len(out)) || length < 0 && !ended:
		t.Body = append([]byte(nil), out...)
		return 0, io.ErrUnexpectedEOF
	case length < 0:
		length = int64(len(out))
	}
	t.Body = append([]byte(nil), out[:length]...)
	return int(length), nil
}
