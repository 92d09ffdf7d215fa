package static

import (
	"path"
	"strconv"
	"strings"
	"time"
)

// Revalidate has caches ask before each use, which an ETag makes cheap. It is
// the default of [Options].CacheControl.
func Revalidate(string) string { return "no-cache" }

// ImmutableIfHashed lets caches keep files for ever whose names change with
// their content, as bundlers make them, and is [Revalidate] for all others. A
// name has a hash if its last part before the extensions, behind a dot or a
// hyphen, is one of
//
//	app.3f2a9c1b.js      8 or more lower-case hexadecimal digits
//	app-5XQWJ2VN.js      8 of A to Z and 2 to 7
//	app-DiwrgTd4.js.map  8 letters and digits of both cases, - and _
//
// and holds a letter and a digit. Names of your own should not look like that.
func ImmutableIfHashed(name string) string {
	if hasHash(path.Base(name)) {
		return "public, max-age=31536000, immutable"
	}
	return Revalidate(name)
}

// MaxAge lets caches keep all files for a time, in whole seconds.
func MaxAge(d time.Duration) func(name string) string {
	value := "public, max-age=" + strconv.FormatInt(int64(max(d, 0)/time.Second), 10)
	return func(string) string { return value }
}

func hasHash(base string) bool {
	stem := strings.TrimSuffix(base, ".map")
	stem = strings.TrimSuffix(stem, path.Ext(stem))
	if i := len(stem) - 9; i > 0 && (stem[i] == '-' || stem[i] == '.') && shortHash(stem[i+1:]) {
		return true
	}
	i := strings.LastIndexAny(stem, "-.")
	return i > 0 && hexHash(stem[i+1:])
}

// hexHash reports whether s is a hash in hexadecimal.
func hexHash(s string) bool {
	return len(s) >= 8 && strings.Trim(s, "0123456789abcdef") == "" &&
		strings.ContainsAny(s, "0123456789") && strings.ContainsAny(s, "abcdef")
}

// shortHash reports whether s, of 8 bytes, is a hash in base32 or base64url.
func shortHash(s string) bool {
	const upper, lower, digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789"
	if !strings.ContainsAny(s, upper) || !strings.ContainsAny(s, digits) {
		return false
	}
	if strings.Trim(s, upper+"234567") == "" {
		return true
	}
	return strings.ContainsAny(s, lower) && strings.Trim(s, upper+lower+digits+"-_") == ""
}
