package middleware

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// CVE-2026-44332 of fiber: a name that is not known must cost as much as a
// wrong password, or the time tells the names. What is compared is the work:
// a digest of a long password is an allocation, and skipping it would be none.
func TestUnknownNameCostsAsMuch(t *testing.T) {
	check := checkUsers(map[string]fingerprint{"ann": fingerprintOf("s3cret")})
	password := strings.Repeat("x", 1<<10)
	work := func(user string) float64 {
		return testing.AllocsPerRun(100, func() {
			ok, err := check(nil, user, password)
			require.False(t, ok)
			require.NoError(t, err)
		})
	}
	require.Positive(t, work("ann"))
	require.Equal(t, work("ann"), work("eve"))
	require.Equal(t, work("ann"), work(""))
}

func TestFingerprint(t *testing.T) {
	require.True(t, fingerprintOf("a").equal(fingerprintOf("a")))
	require.False(t, fingerprintOf("a").equal(fingerprintOf("b")))
	require.False(t, fingerprintOf("").equal(fingerprint{}))
	require.NotEqual(t, make([]byte, len(salt)), salt)
}
