//go:build linux

package browsertest

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

const heading = `document.querySelector("main h1")?.textContent`

// TestDeepLink: a page of the app can be entered at any of its paths, and the
// history works without asking for a page again.
func TestDeepLink(t *testing.T) {
	server := start(t, "spa", engine.Auto)
	p := open(t, server.url(), "/boats/1")
	p.becomes("skiff", heading)
	p.becomes(true, `getComputedStyle(document.body).maxWidth == "640px"`) // the style sheet has come
	loaded := value[float64](p, `performance.timeOrigin`)

	p.do(chromedp.Click(chromedp.CSS("nav a")))
	p.becomes("Boats", heading)
	p.becomes([]string{"punt", "skiff", "wherry"}, `[...document.querySelectorAll("main li")].map(item => item.textContent)`)
	p.do(chromedp.Click(chromedp.CSS("main li:last-child a")))
	p.becomes("wherry", heading)
	require.Equal(t, "/boats/2", value[string](p, "location.pathname"))

	p.walk(-1)
	p.becomes("Boats", heading)
	p.walk(-1)
	p.becomes("skiff", heading)
	p.walk(2)
	p.becomes("wherry", heading)
	require.Equal(t, loaded, value[float64](p, `performance.timeOrigin`), "the page was loaded again")

	p.do(chromedp.Reload())
	p.becomes("wherry", heading)
	// A file with a hash in its name comes from the cache the second time.
	p.becomes([]float64{0, 0}, `performance.getEntriesByType("resource")
		.filter(file => file.name.includes("/assets/")).map(file => file.transferSize)`)
	p.quiet()
}
