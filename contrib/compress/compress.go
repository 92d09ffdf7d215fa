// Package compress adds the content codings br (RFC 7932) and zstd (RFC 9659)
// to middleware.Compress:
//
//	app.Use(middleware.Compress(middleware.CompressOptions{Codings: compress.All()}))
//
// It is a module of its own, so that an app without it does not depend on the
// libraries it needs.
package compress

import (
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

// Levels for answers made on the fly. For 20 KB of JSON on one machine (Xeon,
// Go 1.26) they took 48 us (zstd), 172 us (br) and 211 us (gzip), and made
// about as much of it, 15 to 16 %.
const (
	zstdLevel   = zstd.SpeedDefault
	brotliLevel = 3
	gzipLevel   = 5
)

// All returns the codings zstd, br and gzip in this order of preference, the
// cheapest first, each at a level that suits answers made on the fly.
func All() []middleware.Coding {
	return []middleware.Coding{Zstd(zstdLevel), Brotli(brotliLevel), middleware.Gzip(gzipLevel)}
}

// Brotli returns the coding br at a quality from 0 (fastest) to 11 (smallest,
// and far too slow for answers made on the fly); encoders are used again. A
// quality beyond that makes middleware.Compress report a mistake.
func Brotli(quality int) middleware.Coding {
	if quality < brotli.BestSpeed || quality > brotli.BestCompression {
		return middleware.Coding{Name: fmt.Sprintf("br at quality %d", quality)}
	}
	return pooled("br", func() encoder {
		return brotli.NewWriterLevel(nil, quality)
	})
}

// Zstd returns the coding zstd; encoders are used again. The window stays
// within the 8 MiB that every client can decode (RFC 9659 section 3), and no
// goroutines are started. An unknown level makes middleware.Compress report a
// mistake.
func Zstd(level zstd.EncoderLevel) middleware.Coding {
	fresh := func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithWindowSize(window),
			zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	}
	if _, err := fresh(); err != nil {
		return middleware.Coding{Name: fmt.Sprintf("zstd at level %d", level)}
	}
	return pooled("zstd", func() encoder {
		e, _ := fresh() // these options have worked before
		return e
	})
}

// window is how far back an encoder looks. Answers are rarely larger, and each
// one that is being coded holds about this much twice.
const window = 512 << 10

// encoder is what the libraries have in common.
type encoder interface {
	io.Writer
	Flush() error
	Close() error
	Reset(w io.Writer)
}

func pooled(name string, fresh func() encoder) middleware.Coding {
	pool := &sync.Pool{New: func() any { return &pooledEncoder{encoder: fresh()} }}
	return middleware.Coding{Name: name, New: func(dst io.Writer) wherry.ContentEncoder {
		e := pool.Get().(*pooledEncoder)
		e.pool = pool
		e.Reset(dst)
		return e
	}}
}

// pooledEncoder gives itself back when it is closed.
type pooledEncoder struct {
	encoder
	pool *sync.Pool
}

// Close writes the rest.
func (e *pooledEncoder) Close() error {
	err := e.encoder.Close()
	e.Reset(io.Discard) // keeps nothing of the answer alive
	e.pool.Put(e)
	return err
}
