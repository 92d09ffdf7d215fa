package static

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

// This file knows what a name stands for: a resource with its
// representations (RFC 9110 section 3.2), and what describes each of them.

// Reasons to serve nothing under a name.
var (
	errDirectory = errors.New("static: a directory")
	errIrregular = errors.New("static: neither a file nor a directory")
)

// resource is what a name stands for. It is read-only once it is made, and
// shared by all requests for it.
type resource struct {
	name         string
	contentType  string
	cacheControl string
	variants     []variant // the first one is without coding
}

// variant is one representation of a resource, in a file of its own.
type variant struct {
	name     string    // of the file
	coding   string    // content coding, "" for none
	size     int64     // of the file
	mtime    time.Time // of the file, as it is told
	etag     string    // strong, with its quotes
	modified string    // Last-Modified, "" if the time means nothing
	ahead    bool      // the time was in the future when it was looked at
	body     []byte    // the whole content, nil if it must be read from the file
}

// codings are the siblings that are looked for. Of those that a client likes
// equally well the first is taken.
var codings = [...]struct{ ext, coding, tag string }{
	{".br", "br", "-br"}, {".zst", "zstd", "-zst"}, {".gz", "gzip", "-gz"},
}

// inspect looks a resource up on the disk. What has not changed since old,
// which may be nil, is taken from there.
func (s *site) inspect(name string, old *resource) (*resource, error) {
	plain, err := s.examine(name, "", old)
	if err != nil {
		return nil, err
	}
	r := &resource{name: name, contentType: s.typeOf(name), cacheControl: s.cacheFor(name)}
	r.variants = append(r.variants, plain)
	if !s.siblings || compressed(name) {
		return r, nil
	}
	for _, sibling := range codings {
		v, err := s.examine(name+sibling.ext, sibling.coding, old)
		// A sibling that is older than the file is of other content. Whole
		// seconds, because copies and archives often keep no more.
		if err == nil && v.mtime.Unix() >= plain.mtime.Unix() {
			r.variants = append(r.variants, v)
		}
	}
	return r, nil
}

// compressed reports whether a name is that of a sibling itself.
func compressed(name string) bool {
	for _, sibling := range codings {
		if strings.HasSuffix(name, sibling.ext) {
			return true
		}
	}
	return false
}

// examine describes one file, and reads it if it is to be kept in memory.
func (s *site) examine(name, coding string, old *resource) (variant, error) {
	// Asked before it is opened: opening a named pipe would wait for its other
	// end.
	info, err := fs.Stat(s.fsys, name)
	switch {
	case err != nil:
		return variant{}, err
	case info.IsDir():
		return variant{}, errDirectory
	case !info.Mode().IsRegular():
		return variant{}, errIrregular
	}
	keep := s.shelf.takes(info)
	if v := old.variant(coding); v != nil && v.is(info) && (v.body != nil || !keep) {
		return *v, nil
	}
	v := describe(name, coding, info)
	if v.etag != "" && !keep {
		return v, nil
	}
	return v, s.read(&v, keep)
}

func (r *resource) variant(coding string) *variant {
	if r == nil {
		return nil
	}
	for i := range r.variants {
		if r.variants[i].coding == coding {
			return &r.variants[i]
		}
	}
	return nil
}

// is reports whether the file is, by all that is told of it, still the same.
func (v *variant) is(info fs.FileInfo) bool {
	return v.size == info.Size() && v.mtime.Equal(info.ModTime())
}

// describe makes a variant from what the file system tells of a file. Without
// a time that means something the ETag is left to read.
func describe(name, coding string, info fs.FileInfo) variant {
	v := variant{name: name, coding: coding, size: info.Size(), mtime: info.ModTime()}
	if dated(v.mtime) {
		v.etag = `"` + strconv.FormatInt(v.size, 36) + "-" + strconv.FormatInt(v.mtime.UnixNano(), 36) + tagOf(coding) + `"`
		v.modified = formatDate(v.mtime)
		v.ahead = v.mtime.After(time.Now())
	}
	return v
}

// dated reports whether a time of modification tells one version of a file
// from another. An embed.FS has none, and reproducible builds set all files to
// one time: 0, 1, or 1980-01-01, the first that a zip archive knows.
func dated(t time.Time) bool { return t.Unix() > 315_705_600 } // 1980-01-03, in any zone

func tagOf(coding string) string {
	for _, sibling := range codings {
		if sibling.coding == coding {
			return sibling.tag
		}
	}
	return ""
}

// read reads the file, to keep it or to make an ETag from it.
func (s *site) read(v *variant, keep bool) error {
	f, err := s.fsys.Open(v.name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !v.is(info) {
		*v = describe(v.name, v.coding, info)
		if keep = keep && s.shelf.takes(info); !keep && v.etag != "" {
			return nil
		}
	}
	if !keep {
		hash := sha256.New()
		_, err := io.Copy(hash, f)
		v.etag = hashed(hash.Sum(nil), v.coding)
		return err
	}
	body := make([]byte, v.size)
	if _, err := io.ReadFull(f, body); err != nil {
		return err
	}
	if v.body = body; v.etag == "" {
		sum := sha256.Sum256(body)
		v.etag = hashed(sum[:], v.coding)
	}
	return nil
}

func hashed(sum []byte, coding string) string {
	return `"` + hex.EncodeToString(sum[:16]) + tagOf(coding) + `"`
}

// typeOf returns the media type of a file, by its name.
func (s *site) typeOf(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if t := s.types[ext]; t != "" {
		return t
	}
	if t := mediaTypes[ext]; t != "" {
		return t
	}
	return "application/octet-stream"
}
