package static

import (
	"errors"
	"html"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"wherry.example/wherry"
)

// maxListed is how many names of a directory are shown.
const maxListed = 10_000

// row is one line of a listing.
type row struct {
	name  string // a directory's with a slash
	size  int64  // -1 for a directory
	mtime time.Time
}

// list answers with a page that shows a directory.
func (s *site) list(c *wherry.Context, name string) error {
	entries, err := s.entries(name)
	if err != nil {
		return s.missing(c, name, err)
	}
	var rows []row
	for _, e := range entries {
		if r, ok := s.row(name, e); ok {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, byKindAndName)
	c.SetHeader("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'")
	if !c.ResponseHeaders().Has(wherry.HeaderCacheControl) {
		c.SetHeader(wherry.HeaderCacheControl, "no-cache")
	}
	return c.HTML(200, page(c.Path(), name != ".", rows, len(entries) == maxListed))
}

// entries returns up to maxListed entries of a directory, in any order.
func (s *site) entries(name string) ([]fs.DirEntry, error) {
	// Asked before it is opened, as in examine.
	info, err := fs.Stat(s.fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, errIrregular
	}
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil, errIrregular
	}
	entries, err := d.ReadDir(maxListed)
	if errors.Is(err, io.EOF) || len(entries) > 0 {
		err = nil
	}
	return entries, err
}

// row describes an entry. It reports false for what would be answered 404: a
// link that leads nowhere or out, a device, a name that is not served.
func (s *site) row(dir string, e fs.DirEntry) (row, bool) {
	name := e.Name()
	if strings.ContainsAny(name, "\\:") || !fs.ValidPath(name) || !s.visible(name) {
		return row{}, false
	}
	info, err := fs.Stat(s.fsys, path.Join(dir, name))
	switch {
	case err != nil:
		return row{}, false
	case info.IsDir():
		return row{name + "/", -1, info.ModTime()}, true
	case !info.Mode().IsRegular():
		return row{}, false
	}
	return row{name, info.Size(), info.ModTime()}, true
}

// byKindAndName puts directories before files.
func byKindAndName(a, b row) int {
	switch dirA, dirB := a.size < 0, b.size < 0; {
	case dirA && !dirB:
		return -1
	case dirB && !dirA:
		return 1
	}
	return strings.Compare(a.name, b.name)
}

const pageHead = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>`

const pageStyle = `</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
	color: #1d2329; background: #fff }
h1 { font-size: 1.25rem; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #d5dbe1; text-align: left; vertical-align: baseline }
th { font-size: .875rem; font-weight: 600; color: #57606a }
th:first-child, td:first-child { width: 100%; padding-left: 0 }
th:last-child, td:last-child { padding-right: 0 }
td:first-child { overflow-wrap: anywhere }
td a { white-space: pre-wrap }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
a { color: #0757ba; text-decoration: none }
a:hover, a:focus { text-decoration: underline }
@media (prefers-color-scheme: dark) {
	body { color: #d7dde3; background: #14181c }
	th, td { border-color: #323940 }
	th { color: #98a2ac }
	a { color: #7db4f5 }
}
@media (max-width: 36rem) {
	thead { display: none }
	tr { display: flex; flex-wrap: wrap; column-gap: 1rem }
	td { border: 0; padding: 0 }
	td:first-child { padding-top: .5rem }
	td:empty { display: none }
	.n { font-size: .875rem }
}
</style>
`

// page renders a listing. title is the path as people read it.
func page(title string, up bool, rows []row, cut bool) string {
	var b strings.Builder
	title = html.EscapeString(strings.ToValidUTF8(title, "\uFFFD"))
	b.WriteString(pageHead + title + pageStyle + "<h1>" + title + "</h1>\n<table>\n" +
		"<thead><tr><th scope=\"col\">Name<th scope=\"col\" class=\"n\">Size<th scope=\"col\" class=\"n\">Modified (UTC)</thead>\n<tbody>\n")
	if up {
		b.WriteString("<tr><td><a href=\"../\">../</a><td class=\"n\"><td class=\"n\">\n")
	}
	for _, r := range rows {
		b.WriteString("<tr><td><a href=\"./" + escapePath(r.name) + "\">" + html.EscapeString(strings.ToValidUTF8(r.name, "\uFFFD")) +
			"</a><td class=\"n\">" + humanSize(r.size) + "<td class=\"n\">" + humanTime(r.mtime) + "\n")
	}
	b.WriteString("</tbody>\n</table>\n")
	if len(rows) == 0 {
		b.WriteString("<p>There is nothing here.</p>\n")
	}
	if cut {
		b.WriteString("<p>There is more here than is shown.</p>\n")
	}
	b.WriteString("</html>\n")
	return b.String()
}

// escapePath percent-encodes everything that is not unreserved (RFC 3986
// section 2.3), but for the slash behind a directory.
func escapePath(name string) string {
	var b strings.Builder
	for i := range len(name) {
		ch := name[i]
		switch {
		case 'a' <= ch && ch <= 'z', 'A' <= ch && ch <= 'Z', '0' <= ch && ch <= '9', strings.IndexByte("-._~/", ch) >= 0:
			b.WriteByte(ch)
		default:
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(ch)|0x100, 16)[1:]))
		}
	}
	return b.String()
}

// humanSize writes a size with three digits or a few bytes, "" for none.
func humanSize(n int64) string {
	if n < 0 {
		return ""
	}
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	size, unit := float64(n)/1000, 0
	for ; size >= 999.5 && unit < 4; unit++ {
		size /= 1000
	}
	digits := 0
	if size < 9.95 {
		digits = 1
	}
	return strconv.FormatFloat(size, 'f', digits, 64) + " " + []string{"kB", "MB", "GB", "TB", "PB"}[unit]
}

func humanTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}
