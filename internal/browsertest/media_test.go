//go:build linux

package browsertest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/static"
)

const player = `<!doctype html>
<link rel="icon" href="data:,">
<title>Video</title>
<video preload="metadata" muted></video>`

// TestVideoSeek: a video element asks for the part it needs, and shows the
// picture of the time it was set to.
func TestVideoSeek(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "index.html"), []byte(player), 0o644))
			app := wherry.New().Engine(kind).Get("/**", static.Dir(dir))
			p := open(t, serve(t, app, "127.0.0.1:0"), "/")
			size := writeVideo(t, filepath.Join(dir, "video.webm"), frames(p))

			value[any](p, `document.querySelector("video").src = "/video.webm"`)
			p.becomes(float64(pictures*interval)/1000, `document.querySelector("video").duration`)
			// Forward, back, and forward again, each time beyond the few
			// pictures that the browser reads ahead.
			for _, picture := range []int{24, 10, 18} {
				place := size / pictures * picture
				require.False(t, p.partFrom(place-nothing/2, place+nothing/4), "picture %d was sent already: %s", picture, p.parts)
				p.do(seekTo(picture))
				p.becomes(true, fmt.Sprintf(`Math.abs(%s - %d) <= 3`, seen, grey(picture)))
				require.True(t, p.partFrom(place-nothing/2, place+nothing/4), "picture %d was not asked for: %s", picture, p.parts)
			}
			p.quiet()
		})
	}
}

// partFrom reports whether a part of a file was sent that begins between two
// places.
func (p *page) partFrom(from, to int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.parts, func(part string) bool {
		var first int
		_, err := fmt.Sscanf(part, "bytes %d-", &first)
		return err == nil && from <= first && first <= to
	})
}

// seekTo sets the time to the middle of a picture and waits until the browser
// is there.
func seekTo(picture int) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`new Promise((done, failed) => {
		const video = document.querySelector("video");
		video.onerror = () => failed(video.error.message);
		video.onseeked = () => done({});
		video.currentTime = %f;
	})`, (float64(picture)+.5)*interval/1000), chromedp.EvalAwaitPromise)
}

// seen is the grey that the video shows.
const seen = `(() => {
	const canvas = document.createElement("canvas").getContext("2d");
	canvas.drawImage(document.querySelector("video"), 0, 0);
	return canvas.getImageData(32, 32, 1, 1).data[0];
})()`
