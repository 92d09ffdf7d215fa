package wherry

import (
	"mime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseContentType(t *testing.T) {
	for _, tt := range []struct {
		field, media, boundary string
		status                 int
	}{
		{"application/json", "application/json", "", 0},
		{"Application/Problem+JSON", "application/problem+json", "", 0},
		{"text/plain;", "text/plain", "", 0},
		{"text/plain ; ; charset=UTF-8", "text/plain", "", 0},
		{`text/plain; charset="utf\-8"`, "text/plain", "", 0},
		{`text/plain; x="a;charset=latin1"; charset=utf-8`, "text/plain", "", 0},
		{`text/plain; x="a\";charset=latin1"`, "text/plain", "", 0},
		{`text/plain; x=""`, "text/plain", "", 0},
		{"text/plain; charset=latin1", "", "", 415},
		{"text/plain; CHARSET=latin1", "", "", 415},
		{"text/plain; charset=utf-8; charset=latin1", "", "", 415},
		{"multipart/form-data; boundary=a", "multipart/form-data", "a", 0},
		{`multipart/form-data; Boundary="a b=\"c"`, "multipart/form-data", `a b="c`, 0},
		{"multipart/form-data; boundary=a; boundary=a", "", "", 400},
		{"multipart/form-data; boundary=a b", "", "", 400},
		{"multipart/form-data; boundary =a", "", "", 400},
		{"multipart/form-data; boundary= a", "", "", 400},
		{"multipart/form-data; boundary=", "", "", 400},
		{"multipart/form-data; boundary", "", "", 400},
		{"multipart/form-data; =a", "", "", 400},
		{`multipart/form-data; boundary="a`, "", "", 400},
		{`multipart/form-data; boundary="`, "", "", 400},
		{`multipart/form-data; boundary="a"b`, "", "", 400},
		{`multipart/form-data; boundary="a\"`, "", "", 400},
		{`multipart/form-data; boundary="a\`, "", "", 400},
		{"", "", "", 400},
		{"text", "", "", 400},
		{"text/", "", "", 400},
		{"/plain", "", "", 400},
		{"te xt/plain", "", "", 400},
		{"text/plain, application/json", "", "", 400},
		{"text/plain/x", "", "", 400},
	} {
		got, err := parseContentType(tt.field)
		if tt.status != 0 {
			require.Equal(t, tt.status, StatusOf(err), tt.field)
			continue
		}
		require.NoError(t, err, tt.field)
		require.Equal(t, contentType{tt.media, tt.boundary}, got, tt.field)
		media, params, err := mime.ParseMediaType(tt.field)
		if err == nil { // it refuses some that we take
			require.Equal(t, media, got.media)
			require.Equal(t, params["boundary"], got.boundary)
		}
	}
}
