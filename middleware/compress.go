package middleware

import (
	"compress/gzip"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"wherry.example/wherry"
	"wherry.example/wherry/internal/conditional"
)

// CompressOptions says what [Compress] does. The zero value is the defaults
// that stand at each field.
type CompressOptions struct {
	// Codings are the content codings to choose from, the best first: of
	// those that the client likes equally the first is taken. Default: gzip
	// of the standard library at level 5. contrib/compress has br and zstd.
	Codings []Coding
	// MinBytes is how long content must be to be worth it, where its length
	// is known. Default 1024. Content that is streamed has no known length
	// once the first 8 KiB are written or the answer is flushed.
	MinBytes int
	// Types are the media types worth it: "text/*" for all subtypes,
	// "application/*+json" for a suffix, or one type. Default: text, JSON,
	// XML, scripts, WebAssembly, SVG, and fonts and images that are not
	// compressed by themselves.
	Types []string
}

// Coding is a content coding, RFC 9110 section 8.4.1.
type Coding struct {
	// Name is that of the coding, as in Accept-Encoding: a token.
	Name string
	// New returns an encoder for one answer that writes to dst. It is called
	// from several goroutines at once. An encoder that is closed may be used
	// again for another answer.
	New func(dst io.Writer) wherry.ContentEncoder
}

var compressible = []string{
	"text/*", "application/json", "application/*+json", "application/jsonl", "application/x-ndjson", "application/xml",
	"application/*+xml", "application/javascript", "application/ecmascript", "application/manifest+json",
	"application/wasm", "application/rtf", "application/yaml", "application/toml", "application/x-www-form-urlencoded",
	"application/vnd.ms-fontobject", "font/ttf", "font/otf", "font/collection",
	"image/svg+xml", "image/bmp", "image/x-icon", "image/vnd.microsoft.icon",
}

// Compress codes the content of answers as the client prefers by its
// Accept-Encoding (RFC 9110 section 12.5.3). It stands inside of whatever
// writes fields, and outside of what makes an entity tag from the content.
//
// Left as they are: answers that are short, of another media type, coded
// already, partial (206 or Content-Range), with a digest of their content, or
// with `Cache-Control: no-transform`, as event streams have. Where the choice
// depends on the client, Vary says so, whatever is chosen. In an answer that is
// coded a strong ETag becomes a weak one, since two forms of it are not the
// same bytes: a client's If-None-Match goes on matching, its If-Match and
// If-Range do not. A 304 gives the tag in the form the client has. HEAD gets
// the fields of GET. A stream is coded while it is written, and a Flush of the
// answer makes all of it readable.
//
// Compression tells the length of what it compressed. When one answer holds
// both a secret, such as a token against forgery, and text that an attacker
// chose, such as an echoed query, then someone who sees the lengths of many
// answers on the wire can guess the secret, although all of it is encrypted
// (the BREACH attack). Keep Compress off such routes with [Skip], or mask the
// secret anew in every answer.
func Compress(opts ...CompressOptions) wherry.Middleware {
	o, wrong := given("Compress", opts)
	if wrong != nil {
		return wrong
	}
	p, err := newCompressor(o)
	if err != nil {
		return cannot("Compress: %w", err)
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			c.EncodeContent(p.choose)
			return next(c)
		}
	}
}

// compressor is the options, checked. Set at construction, then read-only.
type compressor struct {
	codings []Coding
	offers  []string // the names of the codings, and identity
	least   int64
	types   []mediaPattern
}

func newCompressor(o CompressOptions) (*compressor, error) {
	p := &compressor{codings: o.Codings, least: int64(o.MinBytes)}
	if len(p.codings) == 0 {
		p.codings = []Coding{Gzip(defaultGzipLevel)}
	}
	for _, coding := range p.codings {
		switch {
		case !isToken(coding.Name):
			return nil, fmt.Errorf("the coding %q has no valid name; give a token, as \"gzip\"", coding.Name)
		case coding.New == nil:
			return nil, fmt.Errorf("the coding %q cannot be used; give it a New", coding.Name)
		case strings.EqualFold(coding.Name, identity) || slices.Contains(p.offers, strings.ToLower(coding.Name)):
			return nil, fmt.Errorf("the coding %q is given twice or is none; leave it out", coding.Name)
		}
		p.offers = append(p.offers, strings.ToLower(coding.Name))
	}
	p.offers = append(p.offers, identity)
	switch {
	case p.least < 0:
		return nil, fmt.Errorf("MinBytes is %d; give a positive number, or 0 for the default", p.least)
	case p.least == 0:
		p.least = 1024
	}
	types := o.Types
	if len(types) == 0 {
		types = compressible
	}
	for _, t := range types {
		pattern, ok := parseMediaPattern(t)
		if !ok {
			return nil, fmt.Errorf("the type %q is no media type; give one as \"text/*\", \"application/*+json\" or \"image/svg+xml\"", t)
		}
		p.types = append(p.types, pattern)
	}
	return p, nil
}

const identity = "identity"

// choose decides about one answer whose head is about to leave.
func (p *compressor) choose(c *wherry.Context, length int64) func(io.Writer) wherry.ContentEncoder {
	h := c.ResponseHeaders()
	if c.StatusCode() == 304 {
		p.recall(c, h)
		return nil
	}
	if c.StatusCode() == 206 {
		p.tellPartial(c, h)
		return nil
	}
	if length >= 0 && length < p.least || !p.worthwhile(c.StatusCode(), h) {
		return nil
	}
	name := c.AcceptsEncoding(p.offers...)
	i := slices.Index(p.offers, name)
	if i < 0 || i >= len(p.codings) {
		return nil
	}
	h.Set(wherry.HeaderContentEncoding, p.codings[i].Name)
	h.Del(wherry.HeaderAcceptRanges)
	if tag := h.Get(wherry.HeaderETag); strings.HasPrefix(tag, `"`) {
		h.Set(wherry.HeaderETag, "W/"+tag)
	}
	return p.codings[i].New
}

// worthwhile reports whether an answer may be coded and gains by it.
func (p *compressor) worthwhile(status int, h *wherry.Headers) bool {
	if status == 204 || status == 205 || h.Has(wherry.HeaderContentRange) {
		return false
	}
	return acceptable(h.Values(wherry.HeaderContentType), p.types) && touchable(h)
}

// touchable reports whether the fields allow that content is coded.
func touchable(h *wherry.Headers) bool {
	for _, name := range untouchable {
		if h.Has(name) {
			return false
		}
	}
	for _, line := range h.Values(wherry.HeaderCacheControl) {
		for directive := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.Trim(directive, " \t"), "no-transform") {
				return false
			}
		}
	}
	return true
}

// untouchable are fields that would be wrong for coded content. The digests
// are those of RFC 9530 and what stood in their place before.
var untouchable = []string{
	wherry.HeaderContentEncoding, "Content-Digest", "Repr-Digest", "Digest", "Content-MD5",
}

// tellPartial gives a part of the content the Vary that the whole has, RFC 9110
// section 15.3.7. It is never coded: its bytes are counted in what is not. Of
// several parts the type of the whole is not known here.
func (p *compressor) tellPartial(c *wherry.Context, h *wherry.Headers) {
	types := h.Values(wherry.HeaderContentType)
	if (acceptable(types, p.types) || acceptable(types, byteRanges)) && touchable(h) {
		c.Vary(wherry.HeaderAcceptEncoding)
	}
}

var byteRanges = []mediaPattern{{kind: "multipart", sub: "byteranges"}}

// recall gives a 304 the fields that the answer with the content had: a cache
// finds what it has stored by the tag as it was sent (RFC 9111 section 4.3.4).
func (p *compressor) recall(c *wherry.Context, h *wherry.Headers) {
	if h.Has(wherry.HeaderContentType) && !p.worthwhile(200, h) {
		return
	}
	c.Vary(wherry.HeaderAcceptEncoding)
	tag := h.Get(wherry.HeaderETag)
	if !strings.HasPrefix(tag, `"`) {
		return
	}
	known := c.Headers().Values(wherry.HeaderIfNoneMatch)
	if conditional.Names(known, tag, false) && !conditional.Names(known, tag, true) {
		h.Set(wherry.HeaderETag, "W/"+tag)
	}
}

const defaultGzipLevel = 5

// Gzip returns the coding gzip (RFC 1952) of the standard library at a level
// from 1 (fastest) to 9 (smallest); writers are used again. A level beyond
// that makes [Compress] report a mistake.
func Gzip(level int) Coding {
	if level < gzip.BestSpeed || level > gzip.BestCompression {
		return Coding{Name: fmt.Sprintf("gzip at level %d", level)}
	}
	pool := &sync.Pool{}
	return Coding{Name: "gzip", New: func(dst io.Writer) wherry.ContentEncoder {
		if e, ok := pool.Get().(*gzipEncoder); ok {
			e.Reset(dst)
			return e
		}
		w, _ := gzip.NewWriterLevel(dst, level) // fails for other levels only
		return &gzipEncoder{Writer: w, pool: pool}
	}}
}

// gzipEncoder gives itself back when it is closed.
type gzipEncoder struct {
	*gzip.Writer
	pool *sync.Pool
}

// Close writes the rest.
func (e *gzipEncoder) Close() error {
	err := e.Writer.Close()
	e.Reset(io.Discard) // keeps nothing of the answer alive
	e.pool.Put(e)
	return err
}
