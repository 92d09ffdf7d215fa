package http1

import (
	"testing"

	"github.com/stretchr/testify/require"
)

var framingTests = []struct {
	name, lines string
	want        Framing
	err         *Error
	err10       *Error // in HTTP/1.0, if it differs
}{
	{"nothing", "", Framing{}, nil, nil},
	{"length", "Content-Length: 12\r\n", Framing{LengthBody, 12}, nil, nil},
	{"length in any case", "cONTENT-lENGTH:12\r\n", Framing{LengthBody, 12}, nil, nil},
	{"length zero", "Content-Length: 0\r\n", Framing{LengthBody, 0}, nil, nil},
	{"length with leading zeros", "Content-Length: 007\r\n", Framing{LengthBody, 7}, nil, nil},
	{"largest length", "Content-Length: 9223372036854775807\r\n", Framing{LengthBody, 1<<63 - 1}, nil, nil},
	{"length that overflows by one", "Content-Length: 9223372036854775808\r\n", Framing{}, errLength, nil},
	{"length that overflows", "Content-Length: 99999999999999999999\r\n", Framing{}, errLength, nil},
	{"length that wraps to a small number", "Content-Length: 18446744073709551618\r\n", Framing{}, errLength, nil},
	{"empty length", "Content-Length:\r\n", Framing{}, errLength, nil},
	{"positive length", "Content-Length: +1\r\n", Framing{}, errLength, nil},
	{"negative length", "Content-Length: -1\r\n", Framing{}, errLength, nil},
	{"length with a blank", "Content-Length: 1 2\r\n", Framing{}, errLength, nil},
	{"hexadecimal length", "Content-Length: 0x1\r\n", Framing{}, errLength, nil},
	{"length with a letter", "Content-Length: 1a\r\n", Framing{}, errLength, nil},
	{"length with a colon", "Content-Length: 1:\r\n", Framing{}, errLength, nil},
	{"length with a fraction", "Content-Length: 1.0\r\n", Framing{}, errLength, nil},
	{"length list", "Content-Length: 1, 1\r\n", Framing{}, errLength, nil},
	{"length with a comma", "Content-Length: 1,\r\n", Framing{}, errLength, nil},
	{"lengths that are equal", "Content-Length: 1\r\ncontent-length: 1\r\n", Framing{}, errLengthRepeated, nil},
	{"lengths that differ", "Content-Length: 1\r\nContent-Length: 2\r\n", Framing{}, errLengthRepeated, nil},
	{"three lengths", "Content-Length: 1\r\nContent-Length: 1\r\nContent-Length: 1\r\n", Framing{}, errLengthRepeated, nil},
	{"name like length", "Content-Lengti: 1\r\nContent_Length: 1\r\n", Framing{}, nil, nil},

	{"chunked", "Transfer-Encoding: chunked\r\n", Framing{Kind: ChunkedBody}, nil, errCodingVersion},
	{"chunked in any case", "transfer-ENCODING: \tCHunkeD \r\n", Framing{Kind: ChunkedBody}, nil, errCodingVersion},
	{"chunked twice", "Transfer-Encoding: chunked, chunked\r\n", Framing{}, errCoding, errCodingVersion},
	{"chunked on two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Framing{}, errCoding, errCodingVersion},
	{"chunked and nothing", "Transfer-Encoding: chunked,\r\n", Framing{}, errCoding, errCodingVersion},
	{"nothing and chunked", "Transfer-Encoding: ,chunked\r\n", Framing{}, errCoding, errCodingVersion},
	{"no coding", "Transfer-Encoding:\r\n", Framing{}, errCoding, errCodingVersion},
	{"quoted", "Transfer-Encoding: \"chunked\"\r\n", Framing{}, errCoding, errCodingVersion},
	{"no token", "Transfer-Encoding: (\r\n", Framing{}, errCoding, errCodingVersion},
	{"chunked with a parameter", "Transfer-Encoding: chunked;a=b\r\n", Framing{}, errCoding, errCodingVersion},
	{"gzip", "Transfer-Encoding: gzip\r\n", Framing{}, errCodingUnknown, errCodingVersion},
	{"gzip with a parameter", "Transfer-Encoding: gzip ;q=1\r\n", Framing{}, errCodingUnknown, errCodingVersion},
	{"gzip, then chunked", "Transfer-Encoding: gzip, chunked\r\n", Framing{}, errCodingUnknown, errCodingVersion},
	{"chunked, then gzip", "Transfer-Encoding: chunked, gzip\r\n", Framing{}, errCodingUnknown, errCodingVersion},
	{"gzip, then chunked on a second line", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", Framing{}, errCodingUnknown, errCodingVersion},
	{"chunked, then gzip on a second line", "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n", Framing{}, errCodingUnknown, errCodingVersion},
	{"identity", "Transfer-Encoding: identity\r\n", Framing{}, errCodingUnknown, errCodingVersion},
	{"almost chunked", "Transfer-Encoding: xchunked\r\n", Framing{}, errCodingUnknown, errCodingVersion},
	{"name like coding", "Transfer-Encodinh: gzip\r\n", Framing{}, nil, nil},

	{"both", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", Framing{}, errLengthAndCoding, nil},
	{"both, the other way round", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", Framing{}, errLengthAndCoding, nil},
	{"both, unknown coding", "Transfer-Encoding: gzip\r\nContent-Length: 3\r\n", Framing{}, errLengthAndCoding, nil},
}

func TestFraming(t *testing.T) {
	for _, test := range framingTests {
		t.Run(test.name, func(t *testing.T) {
			for _, method := range []string{"GET", "POST", "CONNECT", "BREW"} {
				target := "/"
				if method == "CONNECT" {
					target = "h:1"
				}
				requireFraming(t, method+" "+target+" HTTP/1.1\r\n"+hostH+test.lines+"\r\n", test.want, test.err)
				err, want := test.err, test.want
				if test.err10 != nil {
					err, want = test.err10, Framing{}
				}
				requireFraming(t, method+" "+target+" HTTP/1.0\r\n"+test.lines+"\r\n", want, err)
			}
		})
	}
}

func requireFraming(t *testing.T, in string, want Framing, refusal *Error) {
	t.Helper()
	var h Head
	require.NoError(t, feed(&h, &headLimits, in).err)
	got, err := h.Framing()
	if refusal != nil {
		require.Equal(t, refusal, err)
		return
	}
	require.NoError(t, err)
	require.Equal(t, want, got)
}
