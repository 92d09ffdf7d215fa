//go:build linux

package browsertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// patience is how long a page may take to become what is expected. It is a
// bound against a test that waits for ever.
const patience = time.Minute

// page is a tab without a past: cookies, storage and cache are its own.
type page struct {
	t      *testing.T
	ctx    context.Context
	origin string // scheme and authority

	mu       sync.Mutex // guards the following
	requests []*network.EventRequestWillBeSent
	headers  map[network.RequestID]network.Headers // as they were sent
	parts    []string                              // Content-Range of the answers of status 206
	errors   []string                              // what the console shows as an error
}

// open opens a path of a server in a new tab.
func open(t *testing.T, origin, path string) *page {
	t.Helper()
	needBrowser(t)
	ctx, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(closeTab)
	p := &page{t: t, ctx: ctx, origin: origin, headers: map[network.RequestID]network.Headers{}}
	require.NoError(t, chromedp.Listen(ctx, p.note))
	p.do(chromedp.EmulateViewport(900, 700))
	p.do(chromedp.Navigate(origin + path))
	return p
}

// note is told what happens in the tab.
func (p *page) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e)
	case *network.EventRequestWillBeSentExtraInfo:
		p.headers[e.RequestID] = e.Headers
	case *network.EventResponseReceived:
		if e.Response.Status == 206 {
			p.parts = append(p.parts, fmt.Sprint(e.Response.Headers["Content-Range"]))
		}
	case *runtime.EventExceptionThrown:
		p.errors = append(p.errors, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			p.errors = append(p.errors, fmt.Sprintf("console.%s", e.Type))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			p.errors = append(p.errors, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// do acts on the page.
func (p *page) do(action chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	require.NoError(p.t, chromedp.Do(ctx, action))
}

// value returns what a JavaScript expression is, once its promise is kept.
func value[T any](p *page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(p.t, err, expression)
	return v
}

// becomes waits until a JavaScript expression is want, in JSON.
func (p *page) becomes(want any, expression string) {
	p.t.Helper()
	expected, err := json.Marshal(want)
	require.NoError(p.t, err)
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	var got []byte
	for ; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		// A page that is being replaced has no value.
		v, err := chromedp.Run(ctx, chromedp.Evaluate[any](expression))
		if err != nil {
			continue
		}
		if got, err = json.Marshal(v); err == nil && bytes.Equal(got, expected) {
			return
		}
	}
	require.Equal(p.t, string(expected), string(got), expression)
}

// walk goes back or forward in the history.
func (p *page) walk(steps int) {
	p.t.Helper()
	value[any](p, fmt.Sprintf("history.go(%d)", steps))
}

// icon is what a browser asks for by itself where a page names no icon.
const icon = "/favicon.ico"

// quiet asserts that nothing went wrong in the page so far, and that it asked
// nobody but its own server. Missing paths may be excused.
func (p *page) quiet(excused ...string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, text := range p.errors {
		excuse := slices.ContainsFunc(excused, func(path string) bool { return strings.HasSuffix(text, " "+p.origin+path) })
		require.True(p.t, excuse, "an error in the console: %s", text)
	}
	require.NotEmpty(p.t, p.requests)
	for _, r := range p.requests {
		require.True(p.t, strings.HasPrefix(r.Request.URL, p.origin+"/"), "a request elsewhere: %s", r.Request.URL)
	}
}

// sent returns a header field of the last request for a path. What was sent is
// told on its own, maybe later than the page has its answer.
func (p *page) sent(path, field string) (value any) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, r := range slices.Backward(p.requests) {
			if r.Request.URL == p.origin+path {
				headers, told := p.headers[r.RequestID]
				value = headers[field]
				return told
			}
		}
		return false
	}, patience, 5*time.Millisecond, "no request for %s", path)
	return value
}

// scheme makes the user one who likes a light or a dark screen.
func (p *page) scheme(light string) {
	p.t.Helper()
	feature := emulation.MediaFeature{Name: "prefers-color-scheme", Value: light}
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia,
		emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{&feature}})
	require.NoError(p.t, err)
}

// looks asserts that the page can be read by day and by night, on a wide
// screen and on a narrow one. Texts are the elements that are looked at.
func (p *page) looks(name string, texts ...string) {
	p.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		for _, width := range []int64{900, 320} {
			p.do(chromedp.EmulateViewport(width, 700))
			require.LessOrEqual(p.t, value[int64](p, "document.documentElement.scrollWidth"), width, "it scrolls sideways")
			background := luminance(p.corner(fmt.Sprintf("%s-%s-%d.png", name, scheme, width)))
			require.Equal(p.t, scheme == "dark", background < .05, "%s: the background has luminance %f", scheme, background)
			for _, text := range texts {
				color := luminance(p.color(text))
				contrast := (max(color, background) + .05) / (min(color, background) + .05)
				require.GreaterOrEqual(p.t, contrast, 4.5, "%s: the contrast of %s", scheme, text) // WCAG 2 section 1.4.3
			}
		}
	}
	p.do(chromedp.EmulateViewport(900, 700))
	p.scheme("light")
}

// corner returns the colour of the page's first pixel. The picture is kept for
// whoever wants to look.
func (p *page) corner(name string) [3]float64 {
	p.t.Helper()
	shot, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	require.NoError(p.t, err)
	if dir := os.Getenv("WHERRY_SCREENSHOTS"); dir != "" {
		require.NoError(p.t, os.MkdirAll(dir, 0o755))
		require.NoError(p.t, os.WriteFile(filepath.Join(dir, name), shot, 0o644))
	}
	var picture image.Image
	picture, err = png.Decode(bytes.NewReader(shot))
	require.NoError(p.t, err)
	r, g, b, _ := picture.At(0, 0).RGBA()
	return [3]float64{float64(r >> 8), float64(g >> 8), float64(b >> 8)}
}

// color returns the colour of an element's text.
func (p *page) color(selector string) [3]float64 {
	p.t.Helper()
	// A canvas knows every way to write a colour.
	pixel := value[[]float64](p, fmt.Sprintf(`(() => {
		const canvas = document.createElement("canvas").getContext("2d");
		canvas.fillStyle = getComputedStyle(document.querySelector(%q)).color;
		canvas.fillRect(0, 0, 1, 1);
		return [...canvas.getImageData(0, 0, 1, 1).data];
	})()`, selector))
	return [3]float64(pixel[:3])
}

// luminance is the relative luminance of a colour, from 0 to 1 (WCAG 2).
func luminance(rgb [3]float64) float64 {
	weights, sum := [3]float64{.2126, .7152, .0722}, 0.0
	for i, c := range rgb {
		c /= 255
		if c <= .04045 {
			sum += weights[i] * c / 12.92
		} else {
			sum += weights[i] * math.Pow((c+.055)/1.055, 2.4)
		}
	}
	return sum
}
