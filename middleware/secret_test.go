package middleware

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// CVE-2026-44332 of fiber: a name that is not known must cost as much as a
// wrong password, or the time tells the names. What costs is the digest.
func TestUnknownNameCostsAsMuch(t *testing.T) {
	digests := 0
	check := checkUsers(map[string]fingerprint{"ann": fingerprintOf("s3cret")}, func(password string) fingerprint {
		digests++
		return fingerprintOf(password)
	})
	for _, user := range []string{"ann", "eve", ""} {
		digests = 0
		ok, err := check(nil, user, strings.Repeat("x", 1<<10))
		require.False(t, ok)
		require.NoError(t, err)
		require.Equal(t, 1, digests, user)
	}
	ok, err := check(nil, "ann", "s3cret")
	require.True(t, ok)
	require.NoError(t, err)
}

func TestFingerprint(t *testing.T) {
	require.True(t, fingerprintOf("a").equal(fingerprintOf("a")))
	require.False(t, fingerprintOf("a").equal(fingerprintOf("b")))
	require.False(t, fingerprintOf("").equal(fingerprint{}))
	require.NotEqual(t, make([]byte, len(salt)), salt)
}
