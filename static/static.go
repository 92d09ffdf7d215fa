// Package static serves files: a directory, or any fs.FS such as an embed.FS.
//
//	app.Get("/assets/**", static.Dir("public"))
//
// The zero [Options] are meant to be right: an index file stands for its
// directory, nothing is listed, names that begin with a dot are not served,
// and browsers ask again before they use what they have kept.
//
// A file is described by a strong ETag and Last-Modified; conditional requests
// (RFC 9110 section 13) and ranges (section 14) are answered for it. Next to
// app.js there may be app.js.br, app.js.zst and app.js.gz: they are sent in
// its place to clients that like them better.
//
// No path leaves the directory. Segments are told apart before they are
// decoded, see [wherry.FilePath], and the directory is an [os.Root], so a
// symbolic link that leads out of it is a 404 like any other missing file.
//
// A missing file, a directory that has nothing to show and a file that cannot
// be opened are all the same *wherry.Error of status 404, with the cause in
// Err; the app's error handler writes the page.
package static

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"wherry.example/wherry"
)

// Options says how files are served. The zero value is right for most sites.
// It is read by the constructor and may be changed afterwards.
type Options struct {
	// Index is the file that stands for the directory it is in; empty means
	// index.html.
	Index string
	// NoIndex leaves directories without an index file.
	NoIndex bool
	// Fallback is the file that is sent, with status 200, in place of a 404 to
	// a client that asks for a page: the start of a single-page app, which
	// routes by itself. It is used only if Accept names text/html and the last
	// segment of the path has no dot. Empty means none.
	Fallback string
	// Listing shows the content of directories without an index file.
	Listing bool
	// Dotfiles serves and lists names that begin with a dot. Without it only
	// .well-known (RFC 8615) is served: .env and .git are often there unseen.
	Dotfiles bool
	// NoPrecompressed ignores the .br, .zst and .gz siblings of files, for
	// directories in which such a file may not be the same content.
	NoPrecompressed bool
	// CacheControl returns the Cache-Control of a file, by its name below the
	// root; empty sends none. nil means [Revalidate]; see also
	// [ImmutableIfHashed] and [MaxAge]. It is called rarely, on any goroutine.
	// A field that middleware has set before stands.
	CacheControl func(name string) string
	// Types adds to the media types, or replaces some: ".ext" to type.
	Types map[string]string
	// Memory is how many bytes of small files are kept in memory. They are
	// compared with the disk at most once a second. 0 means 16 MiB, a negative
	// number none.
	Memory int64
}

// site is a tree of files and how it is served. Set at construction, then
// read-only, but for the shelf.
type site struct {
	fsys     fs.FS
	index    string // "" for none
	fallback string // "" for none
	listing  bool
	dotfiles bool
	siblings bool
	cacheFor func(string) string
	types    map[string]string
	shelf    shelf
}

// Dir returns a handler of the files below a directory. The directory is
// opened once and kept for the life of the handler: replace what is in it, not
// the directory itself. A directory that cannot be opened and options that
// cannot work are reported by [wherry.App.Build].
//
// The handler is for GET and HEAD; registered for another method it answers
// 405. Its pattern should end in `**`; without one it serves the index file.
func Dir(path string, opts ...Options) wherry.Handler {
	root, err := os.OpenRoot(path)
	if err != nil {
		return wherry.Broken(fmt.Errorf("static.Dir(%q): %w; give a directory that exists", path, err))
	}
	h, err := newSite(root.FS(), opts)
	if err != nil {
		_ = root.Close()
		return wherry.Broken(fmt.Errorf("static.Dir(%q): %w", path, err))
	}
	return h.serve
}

// FS is [Dir] for any file system; use [fs.Sub] for a part of one. Files
// without a time of modification, as in an embed.FS, get an ETag made from
// their content. A file that is not kept in memory can be asked for ranges
// only if it is an io.Seeker. What fsys lets out of itself is its own affair:
// [os.DirFS] follows links to anywhere, an [os.Root]'s FS does not.
func FS(fsys fs.FS, opts ...Options) wherry.Handler {
	if fsys == nil {
		return wherry.Broken(errors.New("static.FS: the file system is nil"))
	}
	h, err := newSite(fsys, opts)
	if err != nil {
		return wherry.Broken(fmt.Errorf("static.FS: %w", err))
	}
	return h.serve
}

// newSite checks the options and completes them.
func newSite(fsys fs.FS, opts []Options) (*site, error) {
	if len(opts) > 1 {
		return nil, fmt.Errorf("%d Options; give one at most", len(opts))
	}
	var o Options
	if len(opts) == 1 {
		o = opts[0]
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &site{
		fsys: fsys, index: o.Index, fallback: o.Fallback, listing: o.Listing, dotfiles: o.Dotfiles,
		siblings: !o.NoPrecompressed, cacheFor: o.CacheControl, types: lowerKeys(o.Types),
	}
	if s.index == "" && !o.NoIndex {
		s.index = "index.html"
	}
	if s.cacheFor == nil {
		s.cacheFor = Revalidate
	}
	s.shelf.room = o.Memory
	if o.Memory == 0 {
		s.shelf.room = 16 << 20
	}
	if _, err := fs.Stat(fsys, "."); err != nil {
		return nil, fmt.Errorf("the root cannot be read: %w", err)
	}
	if s.fallback != "" {
		if info, err := fs.Stat(fsys, s.fallback); err != nil || !info.Mode().IsRegular() {
			return nil, fmt.Errorf("Options.Fallback %q is no file below the root; name one that exists", s.fallback)
		}
	}
	return s, nil
}

// check returns everything that is wrong with the options by themselves.
func (o *Options) check() error {
	var mistakes []error
	if strings.Contains(o.Index, "/") || o.Index != "" && !fs.ValidPath(o.Index) || o.Index == "." {
		mistakes = append(mistakes, fmt.Errorf("Options.Index %q is no name of a file; give one without a slash", o.Index))
	}
	if o.Index != "" && o.NoIndex {
		mistakes = append(mistakes, fmt.Errorf("Options.Index %q together with NoIndex; leave one out", o.Index))
	}
	if o.Fallback != "" && (!fs.ValidPath(o.Fallback) || o.Fallback == ".") {
		mistakes = append(mistakes, fmt.Errorf("Options.Fallback %q is no path below the root; write it as dir/file", o.Fallback))
	}
	for ext, mediaType := range o.Types {
		if !strings.HasPrefix(ext, ".") || strings.Count(ext, ".") > 1 || !printable(mediaType) || !strings.Contains(mediaType, "/") {
			mistakes = append(mistakes, fmt.Errorf("Options.Types[%q] = %q; write it as \".ext\": \"type/subtype\"", ext, mediaType))
		}
	}
	return errors.Join(mistakes...)
}

// printable reports whether s can be sent as a field value.
func printable(s string) bool {
	for _, b := range []byte(s) {
		if b < ' ' || b > '~' {
			return false
		}
	}
	return s != ""
}
