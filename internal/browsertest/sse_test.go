//go:build linux

package browsertest

import (
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

const (
	notes = `[...document.querySelectorAll("#notes li")].map(item => item.lastChild.data)` // the last one first
	state = `document.getElementById("state").textContent`
)

// TestNotesAppear: what is posted by others and by the page itself appears, as
// text, and the page comes back to a server that was started again.
func TestNotesAppear(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			server := start(t, "sse", kind)
			p := open(t, server.url(), "/")
			p.becomes("connected", state)
			server.post("/notify", "<b>tea</b>\n\"is\" ready \u2615")
			p.becomes([]string{"<b>tea</b>\n\"is\" ready \u2615"}, notes)
			p.do(chromedp.SendKeys(chromedp.CSS("#text"), "thank you"))
			p.do(chromedp.Click(chromedp.CSS("button")))
			want := []string{"thank you", "<b>tea</b>\n\"is\" ready \u2615"}
			p.becomes(want, notes)
			p.becomes("", `document.getElementById("text").value`)
			p.quiet()

			for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
				server.end(signal)
				p.becomes("connection lost, trying again", state)
				server.again()
				for _, text := range []string{"one", "two", "three"} {
					text += " after " + signal.String()
					server.post("/notify", text)
					want = append([]string{text}, want...)
				}
				p.becomes(want, notes)
				p.becomes("connected", state)
				require.NotEmpty(t, p.sent("/events", "Last-Event-ID"))
			}
			// What was sent twice would stand before this one.
			server.post("/notify", "the end")
			p.becomes(append([]string{"the end"}, want...), notes)
		})
	}
}

// TestNotesAreMadeUpFor: what was said while the way to the server was cut
// appears once and in its order, and nothing appears again.
func TestNotesAreMadeUpFor(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			server := start(t, "sse", kind)
			way := newRelay(t, server.addr)
			p := open(t, way.url(), "/")
			p.becomes("connected", state)
			server.post("/notify", "before")
			p.becomes([]string{"before"}, notes)

			way.cut()
			p.becomes("connection lost, trying again", state)
			for _, text := range []string{"one", "two", "three"} {
				server.post("/notify", text)
			}
			way.mend()
			want := []string{"three", "two", "one", "before"}
			p.becomes(want, notes)
			require.NotEmpty(t, p.sent("/events", "Last-Event-ID"))
			server.post("/notify", "after")
			p.becomes(append([]string{"after"}, want...), notes)
		})
	}
}

// TestNotesRefused: a page that the browser has given up on does not promise
// to come back.
func TestNotesRefused(t *testing.T) {
	server := start(t, "sse", engine.Auto)
	p := open(t, server.url(), "/")
	p.becomes("connected", state)
	server.end(syscall.SIGTERM)
	serve(t, wherry.New(), server.addr) // answers 404
	p.becomes("the server refuses, reload the page", state)
}

func TestNotesLook(t *testing.T) {
	server := start(t, "sse", engine.Auto)
	p := open(t, server.url(), "/")
	p.becomes("connected", state)
	for _, text := range []string{"The kettle is on.", "tea is ready", "A longer one, which tells of everything that there is on the table and of what is still in the oven.",
		"WithoutAnyBlankThisWordWouldBeWiderThanANarrowScreenIsIfNothingBrokeIt"} {
		server.post("/notify", text)
	}
	p.becomes(4, `document.querySelectorAll("#notes li").length`)
	p.looks("sse", "#state", "li", "time", "button", "input")
	p.quiet()
}
