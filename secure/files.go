package secure

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how often the files of a certificate are looked at, while
// handshakes come.
const lookEvery = time.Second

// Certificate is a certificate that follows its files. Its methods may be
// called from any goroutine.
type Certificate struct {
	certFile, keyFile string // set at construction, then read-only

	reading sync.Mutex // held while the files are read, guards the following
	stamp   stamp      // of the files that current was read from
	told    *stamp     // of the files that were reported last; nil if all has been well since

	mu      sync.Mutex // guards the following
	current *tls.Certificate
	looked  time.Time
	err     error // why the files as they are now cannot be used
	report  func(error)
}

// stamp tells the files of a certificate from what they were before. A file
// that is not there is nil.
type stamp [2]os.FileInfo

func (s stamp) equal(other stamp) bool {
	for i, is := range s {
		was := other[i]
		if (is == nil) != (was == nil) {
			return false
		}
		// Also another file of the same time and size, as one that was made
		// reproducibly and has taken the place by a rename.
		if is != nil && (!is.ModTime().Equal(was.ModTime()) || is.Size() != was.Size() || !os.SameFile(is, was)) {
			return false
		}
	}
	return true
}

// Files reads a certificate chain and its key, both PEM. When either file has
// changed, a later handshake reads both again; while they cannot be used, or
// do not fit together, the certificate before stays. That is reported once for
// each change, to slog.Default() at level Error or as [Certificate.OnError]
// says, and [Certificate.Err] tells it for as long as it lasts.
func Files(certFile, keyFile string) (*Certificate, error) {
	switch {
	case certFile == "":
		return nil, errors.New("secure: the path of the certificate is empty; give that of a PEM file")
	case keyFile == "":
		return nil, errors.New("secure: the path of the key is empty; give that of a PEM file, which may be the one of the certificate")
	}
	c := &Certificate{certFile: certFile, keyFile: keyFile, report: logError}
	pair, read, err := c.read()
	if err != nil {
		return nil, err
	}
	c.current, c.stamp, c.looked = pair, read, time.Now()
	return c, nil
}

// OnError sets who is told when the files have changed and cannot be used, in
// place of slog.Default(). The error names the files and says what is wrong.
// It is called once for each change, on the goroutine of a handshake, one call
// at a time; other handshakes do not wait for it. It returns c.
func (c *Certificate) OnError(report func(error)) *Certificate {
	if report == nil {
		report = logError
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report = report
	return c
}

func logError(err error) {
	slog.Error("the certificate before stays in use", slog.Any("error", err))
}

// Get returns the certificate for a handshake; give it to
// tls.Config.GetCertificate. Reading the files keeps only the handshake
// waiting that has found that it is time.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c.due() && c.reading.TryLock() {
		c.reload()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current, nil
}

// Err returns why the files as they are now cannot be used, or nil.
func (c *Certificate) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// due reports whether it is time to look at the files.
func (c *Certificate) due() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Sub(c.looked) < lookEvery {
		return false
	}
	c.looked = now
	return true
}

// reload reads the files if they are others than before. It unlocks reading.
func (c *Certificate) reload() {
	defer c.reading.Unlock()
	pair, read, err := c.read()
	if err == nil {
		c.stamp, c.told = read, nil
	}
	c.mu.Lock()
	if c.err = err; pair != nil {
		c.current = pair
	}
	report := c.report
	c.mu.Unlock()
	if err != nil && (c.told == nil || !read.equal(*c.told)) {
		c.told = &read
		report(err)
	}
}

// read reads the files; the pair is nil if they are what they were. The stamp
// is taken first: what changes meanwhile is read again.
func (c *Certificate) read() (pair *tls.Certificate, read stamp, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if read[i], err = os.Stat(name); err != nil {
			read[i] = nil
			return nil, read, fmt.Errorf("secure: %w", err)
		}
	}
	if read.equal(c.stamp) {
		return nil, read, nil
	}
	loaded, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return nil, read, fmt.Errorf("secure: certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	return &loaded, read, nil
}
