package http1

import "bytes"

// This file reads request heads: RFC 9112 sections 2 to 5. A head is parsed
// line by line, each line once it is complete; a partial head is never
// scanned again from its start, so a peer that drips bytes costs linear time.
// Positions are offsets into the caller's buffer, which may move between
// calls. What the fields mean for the end of the request stands in framing.go.

// Limits bounds a head. All values are positive.
type Limits struct {
	HeadBytes   int // of the whole head, the empty line included
	TargetBytes int // of the request target
	FieldLines  int
}

// Expectation is what the Expect field asks for.
type Expectation uint8

// Expectations, RFC 9110 section 10.1.1.
const (
	ExpectNone     Expectation = iota
	ExpectContinue             // exactly 100-continue
	ExpectOther                // anything else: refused with 417
)

// span is a run of bytes in the buffer.
type span struct{ start, end uint32 }

type fieldLine struct{ name, value span }

// stage is the part of a head that is read next.
type stage uint8

const (
	stageStart  stage = iota // nothing has been seen
	stageLine                // the request line
	stageFields              // field lines
	stageDone
)

// Head is a request head. The zero value is ready; Reset makes it ready for
// another. After Parse has succeeded it holds views into the buffer that was
// given; they are valid as long as that is.
type Head struct {
	Method Method
	Minor  uint8 // 0 for HTTP/1.0, 1 for 1.1 and later
	Form   TargetForm

	buf    []byte
	fields []fieldLine

	stage   stage
	line    uint32 // where the current line begins
	scanned uint32 // up to here there is no end of that line

	method, target, path, query, authority span
	hasQuery                               bool

	host, length, coding    span // values of the fields, if they came
	hosts, lengths, codings uint8
	expects                 uint8
	expect                  Expectation
	upgrade                 bool // an Upgrade field came
	options                 option
}

// option is a set of connection options, RFC 9110 section 7.6.1.
type option uint8

const (
	optionClose option = 1 << iota
	optionKeepAlive
	optionUpgrade
)

// Reset forgets everything but the room for field lines.
func (h *Head) Reset() { *h = Head{fields: h.fields[:0]} }

// Parse reads a head from the front of buf. It returns the length of the head
// once it is complete; 0 and no error while bytes are missing, in which case
// the next call must be given the same bytes with more behind them, and goes
// on where this one has stopped. The error is an *Error; the head is useless
// then. One empty line before the head is skipped and counted.
func (h *Head) Parse(buf []byte, lim *Limits) (n int, err error) {
	if h.stage == stageStart {
		if ready, err := h.skipEmptyLine(buf); !ready {
			return 0, err
		}
	}
	for {
		i := bytes.IndexByte(buf[h.scanned:], '\n')
		if i < 0 {
			h.scanned = uint32(len(buf))
			return 0, h.checkPartial(buf, lim)
		}
		end := int(h.scanned) + i - 1 // of the line, without CRLF
		if end < int(h.line) || buf[end] != '\r' {
			return 0, errBareLF
		}
		if h.stage == stageLine {
			err = h.parseRequestLine(buf, end, lim)
		} else if end == int(h.line) {
			return h.finish(buf, end+2, lim)
		} else {
			err = h.parseFieldLine(buf, end, lim)
		}
		if err != nil {
			return 0, err
		}
		h.line, h.scanned = uint32(end+2), uint32(end+2)
	}
}

// skipEmptyLine skips one CRLF before the request line, RFC 9112 section
// 2.2, and reports whether the request line may begin.
func (h *Head) skipEmptyLine(buf []byte) (ready bool, err error) {
	if len(buf) == 0 {
		return false, nil
	}
	start := 0
	switch {
	case buf[0] == '\n':
		return false, errBareLF
	case buf[0] != '\r':
	case len(buf) < 3 && (len(buf) < 2 || buf[1] == '\n'):
		return false, nil
	case buf[1] != '\n':
		return false, errBareCR
	case buf[2] == '\r' || buf[2] == '\n':
		return false, errSecondEmptyLine
	default:
		start = 2
	}
	h.line, h.scanned = uint32(start), uint32(start)
	h.stage = stageLine
	return true, nil
}

// checkPartial refuses what is too long already, while its line still
// arrives.
func (h *Head) checkPartial(buf []byte, lim *Limits) error {
	if h.stage == stageLine {
		if err := h.checkPartialLine(buf[h.line:], lim); err != nil {
			return err
		}
	} else if first := buf[h.line:]; len(first) > 0 && (first[0] == ' ' || first[0] == '\t') {
		return errFold
	}
	if len(buf) > lim.HeadBytes {
		return errHeadLong
	}
	return nil
}

// checkPartialLine looks at a request line without its end. It looks at no
// more bytes than the longest method has, so asking again is cheap.
func (h *Head) checkPartialLine(line []byte, lim *Limits) error {
	for i, b := range line {
		switch {
		case b == ' ' && i > 0:
			// A target of the full size, a space and a version may follow.
			if len(line)-i-1 > lim.TargetBytes+len(" HTTP/1.1\r") {
				return errTargetLong
			}
			return nil
		case classes[b]&inToken == 0:
			return errMethod
		case i >= MaxMethod:
			return errMethodLong
		}
	}
	return nil
}

// parseRequestLine reads method SP request-target SP HTTP-version.
func (h *Head) parseRequestLine(buf []byte, end int, lim *Limits) error {
	start := int(h.line)
	line := buf[start:end]
	m := 0
	for m < len(line) && classes[line[m]]&inToken != 0 {
		if m++; m > MaxMethod {
			return errMethodLong
		}
	}
	if m == 0 || m == len(line) || line[m] != ' ' {
		return errMethod
	}
	rest := line[m+1:]
	t := bytes.IndexByte(rest, ' ')
	if t < 0 {
		t = len(rest)
	}
	if t > lim.TargetBytes {
		return errTargetLong
	}
	if t == len(rest) || t == 0 {
		return errRequestLine
	}
	if end+2 > lim.HeadBytes {
		return errHeadLong
	}
	h.method = span{uint32(start), uint32(start + m)}
	h.Method = ParseMethod(line[:m])
	h.target = span{uint32(start + m + 1), uint32(start + m + 1 + t)}
	if err := h.parseTarget(buf); err != nil {
		return err
	}
	h.stage = stageFields
	return h.parseVersion(rest[t+1:])
}

// parseVersion reads "HTTP/" DIGIT "." DIGIT.
func (h *Head) parseVersion(v []byte) error {
	if string(v) == "HTTP/1.1" {
		h.Minor = 1
		return nil
	}
	if len(v) != 8 || string(v[:5]) != "HTTP/" || v[6] != '.' || v[5] < '0' || v[5] > '9' || v[7] < '0' || v[7] > '9' {
		return errVersion
	}
	if v[5] != '1' {
		return errVersionMajor
	}
	h.Minor = min(v[7]-'0', 1)
	return nil
}

// parseFieldLine reads field-name ":" OWS field-value OWS.
func (h *Head) parseFieldLine(buf []byte, end int, lim *Limits) error {
	if end+2 > lim.HeadBytes {
		return errHeadLong
	}
	if len(h.fields) >= lim.FieldLines {
		return errFieldLines
	}
	start := int(h.line)
	line := buf[start:end]
	c := tokenLength(line)
	if c == len(line) || line[c] != ':' || c == 0 {
		return refuseName(line, c)
	}
	v := c + 1
	for v < len(line) && (line[v] == ' ' || line[v] == '\t') {
		v++
	}
	e := len(line)
	for e > v && (line[e-1] == ' ' || line[e-1] == '\t') {
		e--
	}
	if !isClean(line[v:e]) {
		return errFieldValue
	}
	f := fieldLine{
		name:  span{uint32(start), uint32(start + c)},
		value: span{uint32(start + v), uint32(start + e)},
	}
	h.fields = append(h.fields, f)
	h.recognise(line[:c], line[v:e], f.value)
	return nil
}

// refuseName says what is wrong with a line whose token ends at c.
func refuseName(line []byte, c int) error {
	switch {
	case c == 0 && (line[0] == ' ' || line[0] == '\t'):
		return errFold
	case c == len(line):
		return errFieldColon
	}
	return errFieldName
}

// recognise notes the fields that frame the message and steer the connection.
func (h *Head) recognise(name, value []byte, at span) {
	switch len(name) {
	case len("Host"):
		if EqualFold(name, "Host") {
			h.hosts, h.host = more(h.hosts), at
		}
	case len("Expect"):
		if EqualFold(name, "Expect") {
			h.expects = more(h.expects)
			h.expect = ExpectOther
			if h.expects == 1 && EqualFold(value, "100-continue") {
				h.expect = ExpectContinue
			}
		}
	case len("Upgrade"):
		h.upgrade = h.upgrade || EqualFold(name, "Upgrade")
	case len("Connection"):
		if EqualFold(name, "Connection") {
			h.addOptions(value)
		}
	case len("Content-Length"):
		if EqualFold(name, "Content-Length") {
			h.lengths, h.length = more(h.lengths), at
		}
	case len("Transfer-Encoding"):
		if EqualFold(name, "Transfer-Encoding") {
			h.codings, h.coding = more(h.codings), at
		}
	}
}

// more counts to two: whether a field is repeated is all that matters.
func more(n uint8) uint8 { return min(n+1, 2) }

func (h *Head) addOptions(value []byte) {
	if HasListMember(value, "close") {
		h.options |= optionClose
	}
	if HasListMember(value, "keep-alive") {
		h.options |= optionKeepAlive
	}
	if HasListMember(value, "upgrade") {
		h.options |= optionUpgrade
	}
}

// finish checks what only the whole head can tell.
func (h *Head) finish(buf []byte, n int, lim *Limits) (int, error) {
	if n > lim.HeadBytes {
		return 0, errHeadLong
	}
	h.buf, h.stage = buf[:n:n], stageDone
	if err := h.checkHost(); err != nil {
		return 0, err
	}
	return n, nil
}

// checkHost holds the Host field to RFC 9112 section 3.2: exactly one in
// HTTP/1.1, never two, and a valid one also beside an absolute target.
func (h *Head) checkHost() error {
	switch {
	case h.hosts > 1:
		return errHostRepeated
	case h.hosts == 0 && h.Minor == 0:
		return nil
	case h.hosts == 0:
		return errHostMissing
	}
	host := h.bytes(h.host)
	if len(host) == 0 && (h.Form == AsteriskForm || h.Form == AuthorityForm) {
		return nil
	}
	if !ValidHost(host) {
		return errHost
	}
	return nil
}

func (h *Head) bytes(s span) []byte { return h.buf[s.start:s.end] }

// MethodBytes returns the method as it was sent.
func (h *Head) MethodBytes() []byte { return h.bytes(h.method) }

// RawTarget returns the target as it was sent.
func (h *Head) RawTarget() []byte { return h.bytes(h.target) }

var slash = []byte("/")

// Path returns the path of the target, percent-encoded: at least "/", "*" for
// the asterisk form, nothing for the authority form.
func (h *Head) Path() []byte {
	if h.path.start == h.path.end && h.Form == AbsoluteForm {
		return slash
	}
	return h.bytes(h.path)
}

// RawQuery returns the query without its question mark.
func (h *Head) RawQuery() []byte { return h.bytes(h.query) }

// HasQuery reports whether the target has a question mark.
func (h *Head) HasQuery() bool { return h.hasQuery }

// Host returns the host that the request is for: the authority of an absolute
// or authority-form target, else the Host field; nothing without one.
func (h *Head) Host() []byte {
	if h.authority.end > 0 {
		return h.bytes(h.authority)
	}
	return h.bytes(h.host)
}

// Len returns the number of field lines.
func (h *Head) Len() int { return len(h.fields) }

// Name returns the name of field line i as it was sent.
func (h *Head) Name(i int) []byte { return h.bytes(h.fields[i].name) }

// Value returns the value of field line i without white space around it.
func (h *Head) Value(i int) []byte { return h.bytes(h.fields[i].value) }

// Find returns the index of the first field line from i on that has this
// name, in any case, or -1.
func (h *Head) Find(name string, i int) int {
	for ; i < len(h.fields); i++ {
		f := h.fields[i].name
		if int(f.end-f.start) == len(name) && EqualFold(h.bytes(f), name) {
			return i
		}
	}
	return -1
}

// Close reports whether a Connection field lists close.
func (h *Head) Close() bool { return h.options&optionClose != 0 }

// KeepAlive reports whether a Connection field lists keep-alive.
func (h *Head) KeepAlive() bool { return h.options&optionKeepAlive != 0 }

// Upgrade reports whether the client asks for another protocol: an Upgrade
// field that Connection lists, RFC 9110 section 7.8.
func (h *Head) Upgrade() bool {
	return h.upgrade && h.options&optionUpgrade != 0 && h.Minor > 0
}

// Expect returns what the client expects. HTTP/1.0 cannot expect anything.
func (h *Head) Expect() Expectation {
	if h.Minor == 0 {
		return ExpectNone
	}
	return h.expect
}
