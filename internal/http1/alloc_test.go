//go:build !race

package http1

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The race detector allocates, so these stand apart.

func TestHeadAllocatesNothing(t *testing.T) {
	var h Head
	lim := Limits{HeadBytes: 16 << 10, TargetBytes: 8 << 10, FieldLines: 100}
	for _, bench := range benchHeads {
		buf := []byte(bench.head)
		parse := func() {
			h.Reset()
			for _, end := range []int{len(buf) / 2, len(buf)} {
				if n, err := h.Parse(buf[:end], &lim); err != nil || n != 0 && n != len(buf) {
					t.Fatal(n, err)
				}
			}
			if _, err := h.Framing(); err != nil || h.Find("Host", 0) < 0 || len(h.Path()) == 0 {
				t.Fatal(err)
			}
		}
		parse()
		require.Zero(t, testing.AllocsPerRun(100, parse), bench.name)
	}
}

func TestRefusalAllocatesNothing(t *testing.T) {
	var h Head
	for _, test := range headTests {
		buf := []byte(test.in)
		parse := func() {
			h.Reset()
			_, _ = h.Parse(buf, &headLimits)
		}
		parse()
		require.Zero(t, testing.AllocsPerRun(10, parse), test.name)
	}
	for _, test := range framingTests {
		require.NoError(t, feed(&h, &headLimits, getH+test.lines+"\r\n").err)
		require.Zero(t, testing.AllocsPerRun(10, func() { _, _ = h.Framing() }), test.name)
	}
}

func TestChunkedAllocatesNothing(t *testing.T) {
	var d Chunked
	buf := []byte("5;a=\"b\"\r\nabcde\r\n0\r\nX-Sum: 1\r\n\r\n")
	read := func() {
		d.Reset(bodyLimits)
		for src := buf; !d.Done(); {
			_, n, err := d.Next(src)
			if err != nil {
				t.Fatal(err)
			}
			src = src[n:]
		}
	}
	read()
	require.Zero(t, testing.AllocsPerRun(100, read))
}

func TestAppendAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 512)
	require.Zero(t, testing.AllocsPerRun(100, func() { appendHead(buf) }))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, ok := ParseDate([]byte("Sun, 06 Nov 1994 08:49:37 GMT")); !ok {
			t.Fatal("no date")
		}
	}))
}
