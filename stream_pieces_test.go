package wherry

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// askedReader yields so many bytes at a read, or fewer if it is asked for
// fewer, and notes what it was asked for.
type askedReader struct {
	yields []int
	asked  []int
}

func (r *askedReader) Read(p []byte) (int, error) {
	r.asked = append(r.asked, len(p))
	if len(r.yields) == 0 {
		return 0, io.EOF
	}
	n := min(len(p), r.yields[0])
	r.yields = r.yields[1:]
	return n, nil
}

// TestStreamInPieces: a source that fills what it is given is read in large
// pieces, until it has given all it had; who waits for it holds none.
func TestStreamInPieces(t *testing.T) {
	const all = 1 << 30
	for _, test := range []struct{ yields, asked []int }{
		{nil, []int{gatherBytes}},
		{[]int{10, 10}, []int{gatherBytes, gatherBytes, gatherBytes}},
		{[]int{all, all, 5, 7}, []int{gatherBytes, largePiece, largePiece, gatherBytes, gatherBytes}},
		{[]int{all, gatherBytes, all}, []int{gatherBytes, largePiece, gatherBytes, largePiece}},
	} {
		r := &askedReader{yields: test.yields}
		answer := answerTo(t, "/", func(c *Context) error { return c.Stream(200, "a/b", r) }, request("GET", "/", ""))
		require.Equal(t, test.asked, r.asked)
		total := 0
		for i, n := range test.yields {
			total += min(n, test.asked[i])
		}
		require.Equal(t, total, len(answer.Body))
	}
}

// TestStreamOfContent: what came goes back, all of it, however it was framed.
func TestStreamOfContent(t *testing.T) {
	content := strings.Repeat("0123456789", 60_000)
	for _, raw := range framings("X-A: b", content) {
		answer := answerTo(t, "/:id", func(c *Context) error { return c.Stream(200, "a/b", c.Body()) }, raw)
		require.Equal(t, content, string(answer.Body))
	}
}
