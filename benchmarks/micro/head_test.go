package main

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"wherry.example/wherry/internal/http1"
)

// heads are of the three usual sizes: the least a client sends, a plain
// browser, and the request that parsers have been compared with since
// picohttpparser.
var heads = []struct{ name, head string }{
	{"40", "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"},
	{"430", lines("GET /articles/2024/05/a-walk-along-the-river?page=2 HTTP/1.1",
		"Host: www.example.com",
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0",
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
		"Accept-Language: en-GB,en;q=0.5",
		"Accept-Encoding: gzip, deflate, br, zstd",
		"Referer: https://www.example.com/articles/2024/05/a-walk",
		"DNT: 1",
		"Connection: keep-alive")},
	{"703", lines("GET /wp-content/uploads/2010/03/hello-kitty-darth-vader-pink.jpg HTTP/1.1",
		"Host: www.kittyhell.com",
		"User-Agent: Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10.6; ja-JP-mac; rv:1.9.2.3) Gecko/20100401 Firefox/3.6.3 Pathtraq/0.9",
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		"Accept-Language: ja,en-us;q=0.7,en;q=0.3",
		"Accept-Encoding: gzip,deflate",
		"Accept-Charset: Shift_JIS,utf-8;q=0.7,*;q=0.7",
		"Keep-Alive: 115",
		"Connection: keep-alive",
		"Cookie: wp_ozh_wsa_visits=2; wp_ozh_wsa_visit_lasttime=xxxxxxxxxx; "+
			"__utma=xxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.x; "+
			"__utmz=xxxxxxxxx.xxxxxxxxxx.x.x.utmccn=(referral)|utmcsr=reader.livedoor.com|utmcct=/reader/|utmcmd=referral")},
}

func lines(line ...string) string { return strings.Join(line, "\r\n") + "\r\n\r\n" }

func TestHeads(t *testing.T) {
	for _, h := range heads {
		require.InDelta(t, map[string]int{"40": 40, "430": 430, "703": 703}[h.name], len(h.head), 1, h.name)
	}
}

func BenchmarkHead(b *testing.B) {
	for _, h := range heads {
		raw := []byte(h.head)
		b.Run(h.name+"/wherry", func(b *testing.B) { parseWherry(b, raw) })
		b.Run(h.name+"/fasthttp", func(b *testing.B) { parseFastHTTP(b, raw) })
		b.Run(h.name+"/nethttp", func(b *testing.B) { parseNetHTTP(b, raw) })
	}
}

// parseWherry includes the decision about the framing, and all checks.
func parseWherry(b *testing.B, raw []byte) {
	limits := http1.Limits{HeadBytes: 16 << 10, TargetBytes: 8 << 10, FieldLines: 100}
	var h http1.Head
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		h.Reset()
		if n, err := h.Parse(raw, &limits); n == 0 || err != nil {
			b.Fatal(n, err)
		}
		if _, err := h.Framing(); err != nil {
			b.Fatal(err)
		}
	}
}

func parseFastHTTP(b *testing.B, raw []byte) {
	in := bytes.NewReader(raw)
	buffered := bufio.NewReader(in)
	var h fasthttp.RequestHeader
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		in.Reset(raw)
		buffered.Reset(in)
		if err := h.Read(buffered); err != nil {
			b.Fatal(err)
		}
	}
}

func parseNetHTTP(b *testing.B, raw []byte) {
	in := bytes.NewReader(raw)
	buffered := bufio.NewReader(in)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		in.Reset(raw)
		buffered.Reset(in)
		if _, err := http.ReadRequest(buffered); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAnswerHead writes the head of a small answer.
func BenchmarkAnswerHead(b *testing.B) {
	b.Run("wherry", func(b *testing.B) {
		buf := make([]byte, 0, 512)
		b.ReportAllocs()
		for b.Loop() {
			buf = http1.AppendStatusLine(buf[:0], 200)
			buf = http1.AppendField(buf, "Content-Type", "text/plain; charset=utf-8")
			buf = http1.AppendContentLength(buf, 13)
			buf = append(buf, "\r\n"...)
		}
	})
	b.Run("fasthttp", func(b *testing.B) {
		var h fasthttp.ResponseHeader
		buf := make([]byte, 0, 512)
		b.ReportAllocs()
		for b.Loop() {
			h.Reset()
			h.SetContentType("text/plain; charset=utf-8")
			h.SetContentLength(13)
			buf = h.AppendBytes(buf[:0])
		}
	})
}
