package wherry

import (
	"errors"
	"io"
	"sync"
)

// This file passes the content of a request on to a writer, as io.Copy does,
// in pieces that are larger than those io.Copy would choose. Reading 20 MB off
// a socket in pieces of 128 KiB instead of the 8 KiB of io.Discard takes 165
// calls of the system instead of 2,500, and 25 % less processor time (Linux
// 6.18, loopback; 64 KiB: 16 %, 256 KiB: 29 %). All reading goes through Read,
// which is the place for limits, patience and framing: here nothing is decided
// but the size of a piece.

const (
	// smallPiece is what a copy holds while it waits for the peer.
	smallPiece = 4 << 10
	// largePiece is what it borrows while more has come than a small one can
	// hold.
	largePiece = 128 << 10
)

var (
	smallPieces = sync.Pool{New: func() any { return new([smallPiece]byte) }}
	largePieces = sync.Pool{New: func() any { return new([largePiece]byte) }}

	errInvalidWrite = errors.New("wherry: a writer claims to have written more than it was given")
)

// pieces is the buffer of one copy.
type pieces struct {
	small []byte            // the caller's
	large *[largePiece]byte // nil while the small one will do
}

// next returns what to read into after a read of n bytes into last. A read
// that has filled its piece leaves more behind, as a rule. One that has not
// has taken all there was, so the next one waits; or it ends with a chunk, and
// the large piece is borrowed anew, as what is held while a peer stalls counts
// for more.
func (b *pieces) next(last []byte, n int) []byte {
	switch {
	case n == len(last) && b.large == nil:
		b.large = largePieces.Get().(*[largePiece]byte)
	case n < len(last):
		b.shrink()
	}
	if b.large != nil {
		return b.large[:]
	}
	return b.small
}

// shrink gives the large piece back.
func (b *pieces) shrink() {
	if b.large != nil {
		largePieces.Put(b.large)
		b.large = nil
	}
}

// WriteTo writes what is left of the content to w, for [io.Copy]: each piece
// before the next one is read. It fails as Read and as w do, and with
// io.ErrShortWrite if w takes less than it is given; what w has not taken is
// lost. The end of the content is no error. w must not keep what it is given.
//
// A w that reads by itself, as a bytes.Buffer does into its own memory, is
// left to do so. io.Discard is not: its pieces are small.
func (r *bodyReader) WriteTo(w io.Writer) (written int64, err error) {
	if reads, ok := w.(io.ReaderFrom); ok && !r.lent && w != io.Discard {
		r.lent = true // so that ReadFrom may come back here
		defer func() { r.lent = false }()
		return reads.ReadFrom(r)
	}
	small := smallPieces.Get().(*[smallPiece]byte)
	defer smallPieces.Put(small)
	b := pieces{small: small[:]}
	defer b.shrink()
	for p := b.small; ; {
		n, ended := r.Read(p)
		if n > 0 {
			m, err := pass(w, p[:n])
			written += int64(m)
			if err != nil {
				return written, err
			}
		}
		if ended == io.EOF {
			return written, nil
		}
		if ended != nil {
			return written, ended
		}
		p = b.next(p, n)
	}
}

// pass writes all of p to w.
func pass(w io.Writer, p []byte) (int, error) {
	n, err := w.Write(p)
	if n < 0 || n > len(p) {
		n = 0
		if err == nil {
			err = errInvalidWrite
		}
	}
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}
