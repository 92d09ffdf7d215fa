package middleware

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"sync"

	"wherry.example/wherry"
)

// DecompressOptions bounds what [Decompress] unpacks.
type DecompressOptions struct {
	// MaxBytes is how large content may become; 0 means 8 MiB. The body limit
	// of the route holds as well, before and after unpacking.
	MaxBytes int64
	// MaxRatio is how many times its size content may become, beyond the
	// first 256 KiB; 0 means 100.
	MaxRatio int
}

// freeBytes may be unpacked whatever the ratio: short content of one pattern
// is no bomb.
const freeBytes = 256 << 10

// Decompress unpacks the content of requests with `Content-Encoding: gzip`:
// what Body, BodyBytes and Bind read is what the client has packed. Content
// that grows beyond a bound is an error of status 413 in the midst of
// reading, so a bomb costs no more than what the bounds allow. Any other
// coding, and more than one, is answered 415 with Accept-Encoding.
//
// It stands inside of authentication, so that only clients that are known can
// make the server unpack, and inside of BodyLimit; anything that reads the
// content stands inside of it. Nothing is unpacked unless the handler reads.
func Decompress(options ...DecompressOptions) wherry.Middleware {
	o, wrong := given("Decompress", options)
	if wrong != nil {
		return wrong
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 8 << 20
	}
	if o.MaxRatio == 0 {
		o.MaxRatio = 100
	}
	if o.MaxBytes < 0 || o.MaxRatio < 0 {
		return cannot("Decompress: MaxBytes %d or MaxRatio %d is negative; unpacking is always bounded: give a number above 0, or 0 for the default", o.MaxBytes, o.MaxRatio)
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			if !c.Headers().Has(wherry.HeaderContentEncoding) || c.ContentLength() == 0 {
				return next(c)
			}
			switch coding := contentCoding(c); coding {
			case "identity":
				return next(c)
			case "gzip":
			default:
				c.SetHeader(wherry.HeaderAcceptEncoding, "gzip")
				return &wherry.Error{Status: 415, Detail: "The Content-Encoding must be gzip."}
			}
			u := &unpacker{options: o}
			c.ReplaceBody(func(packed io.Reader) io.Reader {
				u.packed.r = packed
				return u
			})
			defer u.close()
			return next(c)
		}
	}
}

// contentCoding returns the one content coding of the request: "gzip",
// "identity", or "" for anything else.
func contentCoding(c *wherry.Context) string {
	coding := "identity"
	for _, line := range c.Headers().Values(wherry.HeaderContentEncoding) {
		for member := range strings.SplitSeq(line, ",") {
			switch member = strings.ToLower(strings.Trim(member, " \t")); {
			case member == "" || member == "identity":
			case (member == "gzip" || member == "x-gzip") && coding == "identity":
				coding = "gzip"
			default:
				return ""
			}
		}
	}
	return coding
}

// unpacker reads packed content and hands out what it stands for.
type unpacker struct {
	options DecompressOptions
	packed  counter
	tool    *gunzip // nil until the first Read
	out     int64
	err     error // stays
}

// gunzip is what unpacking needs, and too large to be made anew each time.
type gunzip struct {
	gzip   gzip.Reader
	buffer *bufio.Reader
}

var gunzips = sync.Pool{New: func() any { return &gunzip{buffer: bufio.NewReader(nil)} }}

var (
	errUnpackedTooLarge = &wherry.Error{Status: 413, Detail: "The content is larger, once unpacked, than this server accepts."}
	errUnpackLate       = errors.New("middleware: the body is read after Decompress has returned")
)

func (u *unpacker) Read(p []byte) (n int, err error) {
	if u.err != nil {
		return 0, u.err
	}
	if u.tool == nil {
		if u.err = u.open(); u.err != nil {
			return 0, u.err
		}
	}
	n, err = u.tool.gzip.Read(p)
	u.out += int64(n)
	switch {
	case u.out > u.options.MaxBytes || u.tooDense():
		n, err = 0, errUnpackedTooLarge
	case err != nil:
		err = u.failure(err)
	}
	u.err = err
	return n, err
}

func (u *unpacker) tooDense() bool {
	return u.out > freeBytes && u.out/int64(u.options.MaxRatio) > u.packed.n
}

func (u *unpacker) open() error {
	u.tool = gunzips.Get().(*gunzip)
	u.tool.buffer.Reset(&u.packed)
	if err := u.tool.gzip.Reset(u.tool.buffer); err != nil {
		return u.failure(err)
	}
	return nil
}

// failure tells the mistakes of the client in packing from what went wrong in
// reading, which is passed on.
func (u *unpacker) failure(err error) error {
	switch {
	case u.packed.err != nil && u.packed.err != io.EOF:
		return u.packed.err
	case err == io.EOF: // nothing at all, or behind a whole member
		return io.EOF
	}
	return &wherry.Error{Status: 400, Detail: "The content is not valid gzip.", Err: err}
}

// close gives the gzip reader back. What reads the body later only fails.
func (u *unpacker) close() {
	u.err = errUnpackLate
	if u.tool != nil {
		u.tool.buffer.Reset(nil)
		gunzips.Put(u.tool)
		u.tool = nil
	}
}

// counter counts what is read, and keeps the error.
type counter struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}
