package http1

// This file is what a request head is, once it has been read, and who may ask
// for what. parse.go and fields.go read it.

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

// span is a run of bytes in the buffer. It holds no pointer: the buffer may
// move, and the garbage collector has nothing to follow.
type span struct{ start, end uint32 }

// Head is a request head. The zero value is ready; Reset makes it ready for
// another. After Parse has succeeded it holds views into the buffer that was
// given; they are valid as long as that is.
type Head struct {
	Method Method
	Minor  uint8 // 0 for HTTP/1.0, 1 for 1.1 and later
	Form   TargetForm

	stage    stage
	hasQuery bool
	steering

	buf                                    []byte // the whole head, once it has been read
	method, target, path, query, authority span
	fields                                 fieldReader
	memo                                   *hostMemo
}

// hostMemo is the host that was found valid last. Most requests that follow
// each other name the same one. Forgetting it is always correct.
type hostMemo struct {
	size int
	text [64]byte
}

// Reset forgets everything but the room for field lines and the last host.
func (h *Head) Reset() {
	if h.stage != stageStart {
		*h = Head{fields: fieldReader{lines: h.fields.lines[:0]}, memo: h.memo}
	}
}

// validHost is ValidHost with a memory.
func (h *Head) validHost(host []byte) bool {
	m := h.memo
	if m != nil && m.size > 0 && string(host) == string(m.text[:m.size]) {
		return true
	}
	if !ValidHost(host) {
		return false
	}
	if m == nil {
		m = new(hostMemo)
		h.memo = m
	}
	if m.size = 0; len(host) <= len(m.text) {
		m.size = copy(m.text[:], host)
	}
	return true
}

// Rebase tells a head that Parse has completed that its bytes are now at the
// front of buf.
func (h *Head) Rebase(buf []byte) { h.buf = buf[:len(h.buf):len(h.buf)] }

func (h *Head) bytes(s span) []byte { return h.buf[s.start:s.end] }

// MethodBytes returns the method as it was sent.
func (h *Head) MethodBytes() []byte { return h.bytes(h.method) }

// RawTarget returns the target as it was sent.
func (h *Head) RawTarget() []byte { return h.bytes(h.target) }

// Path returns the path of the target, percent-encoded: at least "/", "*" for
// the asterisk form, nothing for the authority form.
func (h *Head) Path() []byte {
	if h.path.start == h.path.end && h.Form == AbsoluteForm {
		return []byte("/")
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
func (h *Head) Len() int { return len(h.fields.lines) }

// Name returns the name of field line i as it was sent.
func (h *Head) Name(i int) []byte { return h.bytes(h.fields.lines[i].name) }

// Value returns the value of field line i without white space around it.
func (h *Head) Value(i int) []byte { return h.bytes(h.fields.lines[i].value) }

// Find returns the index of the first field line from i on that has this
// name, in any case, or -1.
func (h *Head) Find(name string, i int) int {
	for ; i < len(h.fields.lines); i++ {
		f := h.fields.lines[i].name
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
// field that Connection lists, RFC 9110 section 7.8. HTTP/1.0 cannot.
func (h *Head) Upgrade() bool {
	return h.upgrades && h.options&optionUpgrade != 0 && h.Minor > 0
}

// Expect returns what the client expects. HTTP/1.0 cannot expect anything.
func (h *Head) Expect() Expectation {
	if h.Minor == 0 {
		return ExpectNone
	}
	return h.expect
}
