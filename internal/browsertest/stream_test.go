//go:build linux

package browsertest

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// TestFetch: a script reads an answer while it is being written, sends a large
// body, and can read the refusal of one that is too large.
func TestFetch(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			p := open(t, serve(t, fetchApp().Engine(kind), "127.0.0.1:0"), "/")
			// The handler goes on only when the script has read the part before.
			require.Equal(t, []string{"part 0", "part 1", "part 2"}, value[[]string](p, `(async () => {
				const reader = (await fetch("/parts")).body.getReader(), parts = [];
				for (;;) {
					const {done, value} = await reader.read();
					if (done) return parts;
					parts.push(new TextDecoder().decode(value));
					await fetch("/next", {method: "POST"});
				}
			})()`))

			piece := make([]byte, 64<<10)
			for i := range piece {
				piece[i] = byte(i % 251)
			}
			content := bytes.Repeat(piece, 128)
			const send = `fetch(%q, {method: "POST", body: new Blob(Array(128).fill(Uint8Array.from({length: 64 << 10}, (_, i) => i %% 251)))})`
			require.Equal(t, fmt.Sprint(crc32.ChecksumIEEE(content)),
				value[string](p, fmt.Sprintf(send+`.then(answer => answer.text())`, "/sum")))
			p.quiet()
			require.Equal(t, 413, value[int](p, fmt.Sprintf(send+`.then(answer => answer.status)`, "/small")))
		})
	}
}

func fetchApp() *wherry.App {
	next := make(chan struct{}, 1)
	sum := func(c *wherry.Context) error {
		h := crc32.NewIEEE()
		if _, err := io.Copy(h, c.Body()); err != nil {
			return err
		}
		return c.Text(200, fmt.Sprint(h.Sum32()))
	}
	app := wherry.New()
	app.Get("/", func(c *wherry.Context) error {
		return c.HTML(200, `<!doctype html><link rel="icon" href="data:,"><title>Fetch</title>`)
	})
	app.Get("/parts", func(c *wherry.Context) error {
		for i := range 3 {
			if _, err := fmt.Fprintf(c, "part %d", i); err != nil {
				return err
			}
			if err := c.Flush(); err != nil {
				return err
			}
			select {
			case <-next:
			case <-c.Context().Done():
				return c.Context().Err()
			}
		}
		return nil
	})
	app.Post("/next", func(c *wherry.Context) error {
		next <- struct{}{}
		return c.NoContent()
	})
	app.Post("/sum", sum, wherry.BodyLimit(wherry.NoLimit))
	app.Post("/small", sum)
	return app
}
