//go:build linux

package browsertest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

// names are what people call their files, in the order of the listing.
var names = []string{
	`  two blanks  twice.txt`,
	`"quoted" and 'so'.txt`,
	`#1.txt`,
	`-rf.txt`,
	`100%25.txt`,
	`<script>alert(1)<.txt`,
	`?a=b&amp;c.txt`,
	`Z.txt`,
	`a+b;c,d.txt`,
	`a.txt`,
	`a10.txt`,
	`a2.txt`,
	`https___example.com_.txt`,
	"\u00fcber \u65e5\u672c\u8a9e \U0001f6a3.txt",
}

// directory makes a directory with those files; each holds its name.
func directory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	modified := time.Date(2024, 2, 29, 23, 59, 58, 0, time.UTC)
	for _, name := range names {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("This is "+name), 0o644))
		require.NoError(t, os.Chtimes(path, modified, modified))
	}
	inner := filepath.Join(dir, "#dir 1%")
	require.NoError(t, os.Mkdir(inner, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(inner, "in it.txt"), []byte("inside"), 0o644))
	return dir
}

// cells returns an expression for the texts of one column.
func cells(column int) string {
	return fmt.Sprintf(`[...document.querySelectorAll("tbody tr")].map(row => row.cells[%d].innerText)`, column)
}

func TestListing(t *testing.T) {
	server := start(t, "static", engine.Auto, "-dir", directory(t))
	p := open(t, server.url(), "/")
	p.becomes(append([]string{"#dir 1%/"}, names...), cells(0))
	sizes := []string{""}
	for _, name := range names {
		sizes = append(sizes, fmt.Sprintf("%d B", len("This is "+name)))
	}
	p.becomes(sizes, cells(1))
	times := value[[]string](p, cells(2))
	require.Len(t, times, 1+len(names))
	for _, text := range times[1:] {
		require.Equal(t, "2024-02-29 23:59:58", text)
	}
	require.Equal(t, "/", value[string](p, "document.title"))

	for i, name := range names {
		p.do(chromedp.Click(chromedp.JSPath(fmt.Sprintf(`document.querySelectorAll("tbody a")[%d]`, i+1))))
		p.becomes("This is "+name, `location.pathname == "/" ? "" : document.body.textContent`)
		p.do(chromedp.Navigate(server.url() + "/"))
	}
	p.do(chromedp.Click(chromedp.JSPath(`document.querySelector("tbody a")`)))
	p.becomes([]string{"../", "in it.txt"}, cells(0))
	require.Equal(t, "/#dir 1%/", value[string](p, "document.title"))
	p.do(chromedp.Click(chromedp.JSPath(`document.querySelector("tbody a")`)))
	p.becomes("/", `location.pathname`)
	p.quiet(icon) // the files have none
}

func TestListingLooks(t *testing.T) {
	dir := directory(t)
	long := strings.Repeat("averylongname", 12) + ".tar.gz"
	require.NoError(t, os.WriteFile(filepath.Join(dir, long), nil, 0o644))
	large := filepath.Join(dir, "large.iso")
	require.NoError(t, os.WriteFile(large, nil, 0o644))
	require.NoError(t, os.Truncate(large, 4_700_000_000))
	server := start(t, "static", engine.Auto, "-dir", dir)
	p := open(t, server.url(), "/")
	p.looks("listing", "h1", "th", "td", "td:last-child", "a")
	p.do(chromedp.Navigate(server.url() + "/%23dir%201%25/"))
	p.looks("listing-inner", "h1", "th", "a")
	p.quiet()
}
