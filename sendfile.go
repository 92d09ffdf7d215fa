package wherry

import (
	"errors"
	"io"
	"os"
	"reflect"

	"wherry.example/wherry/engine"
)

// This file sends files without their content passing through the program,
// where engine and system can do that.

// fileWire is a wire that can send a file without its content passing through
// the program. errors.ErrUnsupported means that nothing was sent and Write
// will do.
type fileWire interface {
	sendFile(f engine.File, n int64) (int64, error)
}

// ReadFrom streams the content of r, as [io.Copy] does with Write. A file, or
// an [io.LimitedReader] of one as [io.CopyN] makes it, is copied by the system
// where that can, if the handler has declared its Content-Length.
func (c *Context) ReadFrom(r io.Reader) (int64, error) {
	c.here()
	limit := int64(-1)
	limited, ok := r.(*io.LimitedReader)
	if ok {
		if limited.N <= 0 {
			return 0, nil
		}
		r, limit = limited.R, limited.N
	}
	sent, err := c.sendFile(r, limit)
	if limited != nil {
		limited.N -= sent
	}
	if err != errors.ErrUnsupported {
		return sent, err
	}
	if limited != nil {
		r = limited
	}
	n, err := io.Copy(writerOnly{c}, r)
	return sent + n, err
}

// writerOnly hides ReadFrom.
type writerOnly struct{ io.Writer }

// sendFile sends up to limit bytes of a file, -1 for all of it.
func (c *Context) sendFile(r io.Reader, limit int64) (int64, error) {
	f, ok := fileOf(r)
	w, can := c.wire.(fileWire)
	if !ok || !can {
		return 0, errors.ErrUnsupported
	}
	if declared, err := declaredLength(&c.res.headers); c.res.stage == stageOpen && (err != nil || declared < 0) {
		return 0, errors.ErrUnsupported
	}
	left, err := fileLeft(f, limit)
	if err != nil || left < gatherBytes {
		return 0, errors.ErrUnsupported
	}
	if err := c.writable(0); err != nil {
		return 0, err
	}
	if c.res.stage == stageOpen {
		if err := c.commit(-1); err != nil {
			return 0, err
		}
	}
	if c.res.length < 0 || c.res.bodiless {
		return 0, errors.ErrUnsupported
	}
	if err := c.writable(int(left)); err != nil {
		return 0, err
	}
	if err := c.forward(nil); err != nil {
		return 0, err
	}
	sent, err := w.sendFile(f, left)
	c.res.sent += sent
	if err == io.ErrUnexpectedEOF { // it has become shorter; what is missing shows at the end
		err = nil
	}
	if err == errors.ErrUnsupported {
		return sent, err
	}
	return sent, c.sending(err)
}

// fileOf returns the file that r is. A copy of an *os.File by io.Copy arrives
// as a type of package os that hides a method. Types of others may read
// something else than is in the file they embed.
func fileOf(r io.Reader) (f engine.File, ok bool) {
	if f, ok = r.(*os.File); !ok && reflect.TypeOf(r).PkgPath() == "os" {
		f, ok = r.(engine.File)
	}
	return f, ok
}

// fileLeft returns how much of a regular file is left to send, at most limit.
func fileLeft(f engine.File, limit int64) (int64, error) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0, errors.ErrUnsupported
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	left := max(info.Size()-at, 0)
	if limit >= 0 {
		left = min(left, limit)
	}
	return left, nil
}
