package http1

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAppendStatusLine(t *testing.T) {
	for status := 100; status < 1000; status++ {
		want := fmt.Sprintf("HTTP/1.1 %d %s\r\n", status, ReasonPhrase(status))
		require.Equal(t, "x"+want, string(AppendStatusLine([]byte("x"), status)))
	}
	require.Equal(t, "HTTP/1.1 599 \r\n", string(AppendStatusLine(nil, 599)), "the space stays")
	for _, status := range []int{-1, 0, 99, 1000} {
		require.Equal(t, "HTTP/1.1 500 Internal Server Error\r\n", string(AppendStatusLine(nil, status)), status)
	}
}

func TestReasonPhrase(t *testing.T) {
	renamed := map[int]string{ // since RFC 7231
		413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content",
	}
	for status := range 1000 {
		want := http.StatusText(status)
		if name, ok := renamed[status]; ok {
			want = name
		}
		require.Equal(t, want, ReasonPhrase(status), status)
	}
}

func TestAppend(t *testing.T) {
	b := AppendField([]byte("x"), "A", "b")
	b = AppendFieldBytes(b, "C", []byte("d"))
	b = AppendContentLength(b, 0)
	b = AppendContentLength(b, 9)
	b = AppendContentLength(b, 10)
	b = AppendContentLength(b, 1<<63-1)
	require.Equal(t, "xA: b\r\nC: d\r\nContent-Length: 0\r\nContent-Length: 9\r\nContent-Length: 10\r\nContent-Length: 9223372036854775807\r\n", string(b))
	b = AppendChunkHeader(nil, 1)
	b = append(AppendChunkHeader(append(b, "a\r\n"...), 255), make([]byte, 255)...)
	b = append(append(b, "\r\n"+LastChunk...), "\r\n"...)
	var d Chunked
	out, used, err := decode(&d, bodyLimits, false, string(b))
	require.NoError(t, err)
	require.Len(t, b, used)
	require.Len(t, out, 256)
}
