package http1

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var dateTests = []struct {
	in   string
	want int64
	ok   bool
}{
	{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777, true},
	{"Sunday, 06-Nov-94 08:49:37 GMT", 784111777, true},
	{"Sun Nov  6 08:49:37 1994", 784111777, true},
	{"Wed Nov 16 08:49:37 1994", 784975777, true},
	{"Thu, 01 Jan 1970 00:00:00 GMT", 0, true},
	{"Wed, 31 Dec 1969 23:59:59 GMT", -1, true},
	{"Sat, 01 Jan 0000 00:00:00 GMT", -62167219200, true},
	{"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799, true},
	{"Thu, 29 Feb 2024 12:00:00 GMT", 1709208000, true},
	{"Tue, 29 Feb 2000 12:00:00 GMT", 951825600, true},
	{"Thursday, 01-Jan-70 00:00:00 GMT", 0, true},
	{"Tuesday, 31-Dec-69 00:00:00 GMT", 3155673600, true},
	{"Sat, 31 Dec 2016 23:59:60 GMT", 1483228799, true},
	{"", 0, false},
	{"Sun, 06 Nov 1994 08:49:37 UTC", 0, false},
	{"Sun, 06 Nov 1994 08:49:37 GMT ", 0, false},
	{" Sun, 06 Nov 1994 08:49:37 GMT", 0, false},
	{"Sun, 06 Nov 1994 08:49:37", 0, false},
	{"Sun, 6 Nov 1994 08:49:37 GMT", 0, false},
	{"sun, 06 Nov 1994 08:49:37 GMT", 0, false},
	{"Sum, 06 Nov 1994 08:49:37 GMT", 0, false},
	{"Sun, 06 nov 1994 08:49:37 GMT", 0, false},
	{"Sun, 06 Nop 1994 08:49:37 GMT", 0, false},
	{"Sun, 00 Nov 1994 08:49:37 GMT", 0, false},
	{"Sun, 31 Nov 1994 08:49:37 GMT", 0, false},
	{"Sun, 29 Feb 2023 08:49:37 GMT", 0, false},
	{"Sun, 29 Feb 1900 08:49:37 GMT", 0, false},
	{"Sun, 06 Nov 1994 24:00:00 GMT", 0, false},
	{"Sun, 06 Nov 1994 08:60:00 GMT", 0, false},
	{"Sun, 06 Nov 1994 08:49:61 GMT", 0, false},
	{"Sun, 06 Nov 1994 08:49:3x GMT", 0, false},
	{"Sun, 06 Nov 1994 08:49:37 +00", 0, false},
	{"Sunday, 06-Nov-1994 08:49:37 GMT", 0, false},
	{"Sun Nov  6 08:49:37 94", 0, false},
	{"Sunnyday, 06-Nov-94 08:49:37 GMT", 0, false},
	{"Sun Nov 6 08:49:37 1994", 0, false},
	{"Sun Nov 06 08:49:37 1994 GMT", 0, false},
	{"Su, 06 Nov 1994 08:49:37 GMT", 0, false},
}

func TestParseDate(t *testing.T) {
	for _, test := range dateTests {
		got, ok := ParseDate([]byte(test.in))
		require.Equal(t, test.ok, ok, test.in)
		require.Equal(t, test.want, got, test.in)
	}
}

func TestAppendDate(t *testing.T) {
	require.Equal(t, "x: Sun, 06 Nov 1994 08:49:37 GMT", string(AppendDate([]byte("x: "), 784111777)))
	// Every day of the four centuries after which the calendar repeats.
	first := time.Date(1890, 1, 1, 23, 59, 58, 0, time.UTC).Unix()
	for day := range int64(146097 + 366) {
		unix := first + day*86400
		text := AppendDate(nil, unix)
		require.Equal(t, time.Unix(unix, 0).UTC().Format(http.TimeFormat), string(text))
		got, ok := ParseDate(text)
		require.True(t, ok, "%s", text)
		require.Equal(t, unix, got, "%s", text)
	}
}
