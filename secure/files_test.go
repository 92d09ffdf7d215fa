package secure_test

import (
	"bytes"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/secure"
)

// numberOf returns the number of the certificate that the next handshake gets.
func numberOf(t *testing.T, cert *secure.Certificate) int64 {
	t.Helper()
	c, err := cert.Get(nil)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	require.NoError(t, err)
	return leaf.SerialNumber.Int64()
}

// TestReload: new files are used for new connections. Broken ones are not: the
// certificate before stays, and each change is reported once.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := writeCertificate(t, dir, 1)
	cert, err := secure.Files(certFile, keyFile)
	require.NoError(t, err)
	var told []error
	require.Same(t, cert, cert.OnError(func(err error) {
		require.ErrorIs(t, err, cert.Err(), "a hook may ask")
		told = append(told, err)
	}))
	looks := func(times int) { // as often as handshakes lead to a look
		for range times {
			secure.LookAgain(cert)
			require.Equal(t, int64(2), numberOf(t, cert))
		}
	}
	require.Equal(t, int64(1), numberOf(t, cert))
	writeCertificate(t, dir, 2)
	require.Equal(t, int64(1), numberOf(t, cert), "nobody looks twice in a second")
	past := time.Now().Add(-time.Hour) // an older file is another one, too
	require.NoError(t, os.Chtimes(certFile, past, past))
	looks(1)
	require.NoError(t, cert.Err())
	require.Empty(t, told)

	require.NoError(t, os.WriteFile(keyFile, []byte("no key"), 0o600))
	looks(3)
	require.Len(t, told, 1)
	require.ErrorContains(t, told[0], certFile)
	require.ErrorContains(t, told[0], keyFile)
	require.ErrorContains(t, told[0], "PEM")
	require.Equal(t, told[0], cert.Err())

	require.NoError(t, os.WriteFile(keyFile, []byte("no key either"), 0o600))
	looks(3)
	require.Len(t, told, 2, "a further change that fails in the same way")
	require.NoError(t, os.Remove(keyFile))
	looks(3)
	require.Len(t, told, 3)
	require.ErrorIs(t, told[2], os.ErrNotExist)
	require.ErrorContains(t, told[2], keyFile)

	writeCertificate(t, dir, 2)
	looks(2)
	require.NoError(t, cert.Err())
	require.Len(t, told, 3)
	for want := 4; want < 6; want++ {
		require.NoError(t, os.Rename(keyFile, keyFile+"-away"))
		looks(2)
		require.Len(t, told, want, "what was mended and broke again in the same way is reported again")
		require.NoError(t, os.Rename(keyFile+"-away", keyFile))
		looks(2)
		require.NoError(t, cert.Err())
	}
}

// TestReloadRename: another file in the place of the first is read, also when
// it has its time and size.
func TestReloadRename(t *testing.T) {
	dir, next := t.TempDir(), t.TempDir()
	certFile, keyFile := writeCertificate(t, dir, 1)
	size := func(name string) int64 {
		info, err := os.Stat(name)
		require.NoError(t, err)
		return info.Size()
	}
	nextCert, nextKey := writeCertificate(t, next, 2)
	for size(nextCert) != size(certFile) || size(nextKey) != size(keyFile) { // signatures differ in length
		nextCert, nextKey = writeCertificate(t, next, 2)
	}
	then := time.Now().Add(-time.Hour)
	for _, name := range []string{certFile, keyFile, nextCert, nextKey} {
		require.NoError(t, os.Chtimes(name, then, then))
	}
	cert, err := secure.Files(certFile, keyFile)
	require.NoError(t, err)
	require.NoError(t, os.Rename(nextCert, certFile))
	require.NoError(t, os.Rename(nextKey, keyFile))
	secure.LookAgain(cert)
	require.Equal(t, int64(2), numberOf(t, cert))
}

// TestReloadLogs: without a hook the log is told, and no hook can be unset by
// nil to hide it.
func TestReloadLogs(t *testing.T) {
	var logged bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	defer slog.SetDefault(before)
	for _, quiet := range []bool{false, true} {
		logged.Reset()
		certFile, keyFile := writeCertificate(t, t.TempDir(), 2)
		cert, err := secure.Files(certFile, keyFile)
		require.NoError(t, err)
		if quiet {
			cert.OnError(nil)
		}
		require.NoError(t, os.WriteFile(certFile, []byte("no certificate"), 0o600))
		for range 3 {
			secure.LookAgain(cert)
			require.Equal(t, int64(2), numberOf(t, cert))
		}
		require.Equal(t, 1, strings.Count(logged.String(), "level=ERROR"), logged.String())
		require.Contains(t, logged.String(), filepath.Base(certFile))
	}
}

// TestReloadKeepsNobodyWaiting: while the files are read, and a hook runs,
// other handshakes get the certificate before.
func TestReloadKeepsNobodyWaiting(t *testing.T) {
	certFile, keyFile := writeCertificate(t, t.TempDir(), 2)
	cert, err := secure.Files(certFile, keyFile)
	require.NoError(t, err)
	entered, leave := make(chan struct{}), make(chan struct{})
	cert.OnError(func(error) { close(entered); <-leave })
	require.NoError(t, os.Remove(keyFile))
	secure.LookAgain(cert)
	done := make(chan struct{})
	go func() { defer close(done); _, _ = cert.Get(nil) }()
	<-entered
	secure.LookAgain(cert)
	require.Equal(t, int64(2), numberOf(t, cert))
	close(leave)
	<-done
}
