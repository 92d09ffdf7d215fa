package http1

// This file reads request heads: RFC 9112 sections 2 to 5. Every byte has one
// reader that looks at it once, in order, and refuses at the first byte that
// breaks a rule. So it makes no difference how a head is cut on its way, and a
// peer that drips bytes costs linear time. Positions are offsets into the
// caller's buffer, which may move between calls.

// stage is the part of a head that is read next.
type stage uint8

const (
	stageStart stage = iota // nothing has been seen
	stageMethod
	stageTarget
	stageVersion
	stageFields
	stageDone
)

// Parse reads a head from the front of buf. It returns the length of the head
// once it is complete; 0 and no error while bytes are missing, in which case
// the next call must be given the same bytes with more behind them, and goes
// on where this one has stopped. The error is an *Error; the head is useless
// then, until Reset. One empty line before the head is skipped and counted.
func (h *Head) Parse(buf []byte, lim *Limits) (n int, err error) {
	full := len(buf) >= lim.HeadBytes
	if full {
		buf = buf[:lim.HeadBytes]
	}
	if h.stage < stageFields && !(h.stage == stageStart && h.quickLine(buf, lim)) {
		err = h.readRequestLine(buf, lim)
	}
	if h.stage == stageFields {
		err = h.readFields(buf, lim)
	}
	switch {
	case err != nil:
		return 0, err
	case h.stage == stageDone:
		return len(h.buf), nil
	case full:
		return 0, h.tooLong()
	}
	return 0, nil
}

// tooLong says what it is that does not fit the limit of the head.
func (h *Head) tooLong() error {
	if h.stage == stageTarget {
		return errTargetLong
	}
	return errHeadLong
}

// readRequestLine reads method SP request-target SP HTTP-version CRLF, or as
// much of it as has come.
func (h *Head) readRequestLine(buf []byte, lim *Limits) (err error) {
	if h.stage == stageStart {
		err = h.readStart(buf)
	}
	if h.stage == stageMethod && err == nil {
		err = h.readMethod(buf)
	}
	if h.stage == stageTarget && err == nil {
		err = h.readTarget(buf, lim)
	}
	if h.stage == stageVersion && err == nil {
		err = h.readVersion(buf)
	}
	return err
}

// readStart skips one empty line before the request line, RFC 9112 section
// 2.2.
func (h *Head) readStart(buf []byte) error {
	switch {
	case len(buf) == 0:
		return nil
	case buf[0] == '\n':
		return errBareLF
	case buf[0] != '\r':
	case len(buf) == 1:
		return nil
	case buf[1] != '\n':
		return errBareCR
	case len(buf) == 2:
		return nil
	case buf[2] == '\r' || buf[2] == '\n':
		return errSecondEmptyLine
	default:
		h.method = span{2, 2}
	}
	h.stage = stageMethod
	return nil
}

// readMethod reads a token and the SP behind it. The end of h.method is how
// far it has come.
func (h *Head) readMethod(buf []byte) error {
	start := int(h.method.start)
	i := int(h.method.end)
	for i < len(buf) && classes[buf[i]]&inToken != 0 {
		if i++; i-start > MaxMethod {
			return errMethodLong
		}
	}
	h.method.end = uint32(i)
	switch {
	case i == len(buf):
		return nil
	case buf[i] != ' ' || i == start:
		return errMethod
	}
	h.Method = ParseMethod(buf[start:i])
	h.target = span{uint32(i + 1), uint32(i + 1)}
	h.stage = stageTarget
	return nil
}

const version11 = "HTTP/1.1\r\n"

// readVersion reads HTTP-version = "HTTP/" DIGIT "." DIGIT, and CRLF.
func (h *Head) readVersion(buf []byte) error {
	start := int(h.target.end) + 1
	v := buf[start:min(start+len(version11), len(buf))]
	if string(v) == version11 {
		h.Minor = 1
	} else {
		for i, b := range v {
			if b != version11[i] && (i != 5 && i != 7 || b < '0' || b > '9') {
				return errVersion
			}
		}
		if len(v) < len(version11) {
			return nil
		}
		if v[5] != '1' {
			return errVersionMajor
		}
		h.Minor = min(v[7]-'0', 1)
	}
	h.fields.begin(start + len(version11))
	h.stage = stageFields
	return nil
}
