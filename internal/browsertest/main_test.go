//go:build linux

package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

var (
	// examples is the folder of the built examples.
	examples string
	// browser is the running browser; nil when there is none to run.
	browser context.Context
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

// run runs the tests between the start and the end of the browser.
func run(m *testing.M) (code int, err error) {
	path := findBrowser()
	if path == "" {
		return m.Run(), nil
	}
	if examples, err = os.MkdirTemp("", "browsertest"); err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(examples) }()
	// The browser leaves files behind.
	if err := os.Setenv("TMPDIR", examples); err != nil {
		return 0, err
	}
	build := exec.Command("go", "build", "-o", examples, "./examples/sse", "./examples/static", "./examples/spa")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the examples: %w\n%s", err, out)
	}

	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("mute-audio", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("lang", "en"),
	)
	// The end of the allocator kills the browser with all its children, and
	// removes what it has stored.
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	defer end()
	ctx, leave := chromedp.NewContext(allocator)
	defer leave()
	if err := chromedp.Do(ctx); err != nil {
		return 0, fmt.Errorf("start %s: %w", path, err)
	}
	browser = ctx
	return m.Run(), nil
}

// needBrowser skips a test where there is no browser.
func needBrowser(t *testing.T) {
	t.Helper()
	if browser == nil {
		t.Skip("there is no Chromium here: apt-get install chromium")
	}
}

// findBrowser returns the path of a browser, "" if there is none.
func findBrowser() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}
