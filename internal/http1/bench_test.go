package http1

import "testing"

// Heads of the three usual sizes: the least a client sends, a plain browser,
// and a browser of the kind that carries cookies.
var benchHeads = []struct{ name, head string }{
	{"40", "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"},
	{"430", "GET /articles/2024/05/a-walk-along-the-river?page=2 HTTP/1.1\r\n" +
		"Host: www.example.com\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
		"Accept-Language: en-GB,en;q=0.5\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Referer: https://www.example.com/articles/2024/05/a-walk\r\n" +
		"DNT: 1\r\n" +
		"Connection: keep-alive\r\n\r\n"},
	{"703", "GET /wp-content/uploads/2010/03/hello-kitty-darth-vader-pink.jpg HTTP/1.1\r\n" +
		"Host: www.kittyhell.com\r\n" +
		"User-Agent: Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10.6; ja-JP-mac; rv:1.9.2.3) Gecko/20100401 Firefox/3.6.3 Pathtraq/0.9\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
		"Accept-Language: ja,en-us;q=0.7,en;q=0.3\r\n" +
		"Accept-Encoding: gzip,deflate\r\n" +
		"Accept-Charset: Shift_JIS,utf-8;q=0.7,*;q=0.7\r\n" +
		"Keep-Alive: 115\r\n" +
		"Connection: keep-alive\r\n" +
		"Cookie: wp_ozh_wsa_visits=2; wp_ozh_wsa_visit_lasttime=xxxxxxxxxx; " +
		"__utma=xxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.xxxxxxxxxx.x; " +
		"__utmz=xxxxxxxxx.xxxxxxxxxx.x.x.utmccn=(referral)|utmcsr=reader.livedoor.com|utmcct=/reader/|utmcmd=referral\r\n\r\n"},
}

func BenchmarkHead(b *testing.B) {
	for _, bench := range benchHeads {
		b.Run(bench.name, func(b *testing.B) {
			buf := []byte(bench.head)
			lim := Limits{HeadBytes: 16 << 10, TargetBytes: 8 << 10, FieldLines: 100}
			var h Head
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				h.Reset()
				if n, err := h.Parse(buf, &lim); n == 0 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkChunked reads a body of 16 chunks of 1 KiB.
func BenchmarkChunked(b *testing.B) {
	var body []byte
	for range 16 {
		body = append(append(AppendChunkHeader(body, 1024), make([]byte, 1024)...), "\r\n"...)
	}
	body = append(append(body, LastChunk...), "\r\n"...)
	var d Chunked
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		d.Reset(ChunkedLimits{ExtensionBytes: 1024, TrailerBytes: 1024, TrailerLines: 10})
		for src := body; !d.Done(); {
			_, n, err := d.Next(src)
			if err != nil {
				b.Fatal(err)
			}
			src = src[n:]
		}
	}
}

// appendHead writes the head of a usual answer.
func appendHead(dst []byte) []byte {
	dst = AppendStatusLine(dst, 200)
	dst = append(AppendDate(append(dst, "Date: "...), 784111777), "\r\n"...)
	dst = AppendField(dst, "Content-Type", "text/plain; charset=utf-8")
	dst = AppendContentLength(dst, 1234)
	return append(dst, "\r\n"...)
}

func BenchmarkResponseHead(b *testing.B) {
	buf := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		appendHead(buf)
	}
}
