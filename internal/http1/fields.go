package http1

// This file reads field lines, of heads and of trailer sections alike: RFC
// 9112 section 5. It also notes what the fields say that steer the message;
// what they mean for its end stands in framing.go.

type fieldLine struct{ name, value span }

// fieldReader reads a section of field lines out of a buffer that begins
// somewhere before it and grows at its end.
type fieldReader struct {
	lines []fieldLine
	line  uint32 // where the current line begins
	colon uint32 // of that line; 0 while it has not come
	next  uint32 // the first byte that has not been looked at
}

// begin makes the reader ready for a section that begins at this place.
func (r *fieldReader) begin(at int) {
	r.lines = r.lines[:0]
	r.line, r.colon, r.next = uint32(at), 0, uint32(at)
}

// read reads lines of field-name ":" OWS field-value OWS CRLF up to the empty
// line that ends the section; done tells that next is behind that.
func (r *fieldReader) read(buf []byte, maxLines int) (done bool, err error) {
	start, i, colon := int(r.line), int(r.next), int(r.colon)
	for {
		if colon == 0 {
			colon = nameEnd(buf, i)
			if colon >= len(buf) || buf[colon] != ':' || colon == start || len(r.lines) >= maxLines {
				r.line, r.colon = uint32(start), 0
				return r.endOrRefuse(buf, colon)
			}
			i = colon + 1
		}
		i = valueEnd(buf, i)
		if i+1 >= len(buf) || buf[i] != '\r' || buf[i+1] != '\n' {
			r.line, r.colon, r.next = uint32(start), uint32(colon), uint32(i)
			return false, refuseValue(buf[i:])
		}
		from, to := trimmed(buf, colon+1, i)
		r.lines = append(r.lines, fieldLine{span{uint32(start), uint32(colon)}, span{uint32(from), uint32(to)}})
		i += len("\r\n")
		start, colon = i, 0
	}
}

// trimmed returns where b[from:to] is without the white space around it. There
// is no control byte in it but HTAB.
func trimmed(b []byte, from, to int) (int, int) {
	for from < to && b[from] <= ' ' {
		from++
	}
	for from < to && b[to-1] <= ' ' {
		to--
	}
	return from, to
}

// endOrRefuse looks at a line whose name ends at i: it may go on, be the empty
// line that ends the section, have one line too many before it, or be wrong.
func (r *fieldReader) endOrRefuse(buf []byte, i int) (done bool, err error) {
	r.next = uint32(i)
	switch rest := buf[i:]; {
	case len(rest) == 0:
		return false, nil
	case i > int(r.line) && rest[0] == ':':
		return false, errFieldLines
	case i > int(r.line):
		return false, errFieldColon
	case rest[0] == '\n':
		return false, errBareLF
	case isBlank(rest[0]):
		return false, errFold
	case rest[0] != '\r':
		return false, errFieldName
	case len(rest) == 1:
		return false, nil
	case rest[1] != '\n':
		return false, errBareCR
	}
	r.next = uint32(i + 2)
	return true, nil
}

// refuseValue says what is wrong with a byte that ends a value, if there is
// one and it is not the beginning of CRLF.
func refuseValue(rest []byte) error {
	switch {
	case len(rest) == 0:
		return nil
	case rest[0] == '\n':
		return errBareLF
	case rest[0] != '\r':
		return errFieldValue
	case len(rest) == 1:
		return nil
	}
	return errBareCR
}

// steering is what the fields say about the message and its connection.
type steering struct {
	hosts, lengths, codings uint8 // lines of that name, counted to two
	expects                 uint8
	expect                  Expectation
	options                 option
	upgrades                bool // an Upgrade field came
	host, length, coding    span // values of the last lines of these names
}

// option is a set of connection options, RFC 9110 section 7.6.1.
type option uint8

const (
	optionClose option = 1 << iota
	optionKeepAlive
	optionUpgrade
)

// readFields reads field lines up to the end of the head.
func (h *Head) readFields(buf []byte, lim *Limits) error {
	r := &h.fields
	if r.next > r.line || !r.quickFields(buf, lim.FieldLines) {
		if done, err := r.read(buf, lim.FieldLines); !done {
			return err
		}
	}
	h.buf, h.stage = buf[:r.next:r.next], stageDone
	for i := range r.lines {
		f := &r.lines[i]
		if n := f.name.end - f.name.start; n < uint32(len(initials)) && initials[n] == buf[f.name.start]|0x20 {
			h.recognise(h.bytes(f.name), f.value)
		}
	}
	return h.checkHost()
}

// initials are the first letters, by their length, of the names that recognise
// knows: nearly all others need no closer look.
var initials = [...]byte{4: 'h', 6: 'e', 7: 'u', 10: 'c', 14: 'c', 17: 't'}

// recognise notes the fields that frame the message and steer the connection.
func (h *Head) recognise(name []byte, value span) {
	switch {
	case EqualFold(name, "Host"):
		h.hosts, h.host = more(h.hosts), value
	case EqualFold(name, "Connection"):
		h.addOptions(h.bytes(value))
	case EqualFold(name, "Content-Length"):
		h.lengths, h.length = more(h.lengths), value
	case EqualFold(name, "Transfer-Encoding"):
		h.codings, h.coding = more(h.codings), value
	case EqualFold(name, "Expect"):
		h.addExpectation(h.bytes(value))
	case EqualFold(name, "Upgrade"):
		h.upgrades = true
	}
}

// more counts to two: whether a field is repeated is all that matters.
func more(n uint8) uint8 { return min(n+1, 2) }

func (s *steering) addExpectation(value []byte) {
	s.expects = more(s.expects)
	s.expect = ExpectOther
	if s.expects == 1 && EqualFold(value, "100-continue") {
		s.expect = ExpectContinue
	}
}

// addOptions reads one Connection field: a list, in any case.
func (s *steering) addOptions(list []byte) {
	for len(list) > 0 {
		var member []byte
		member, list = cutList(list)
		switch {
		case EqualFold(member, "keep-alive"):
			s.options |= optionKeepAlive
		case EqualFold(member, "close"):
			s.options |= optionClose
		case EqualFold(member, "upgrade"):
			s.options |= optionUpgrade
		}
	}
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
	if !h.validHost(host) {
		return errHost
	}
	return nil
}
