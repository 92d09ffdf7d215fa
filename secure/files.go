package secure

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// lookEvery is how often the files of a certificate are looked at, while
// handshakes come.
const lookEvery = time.Second

// Certificate is a certificate that follows its files.
type Certificate struct {
	certFile, keyFile string

	mu      sync.Mutex // guards the following
	current *tls.Certificate
	stamp   [2]fileStamp // of the files that current was read from
	looked  time.Time
	err     error // why the files as they are now cannot be used
}

// fileStamp tells a file from what it was before.
type fileStamp struct {
	changed time.Time
	size    int64
}

// Files reads a certificate chain and its key, both PEM. When either file has
// changed, a later handshake reads both again; while they do not fit together
// the certificate before is used, and [Certificate.Err] tells why.
func Files(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile}
	c.reload()
	if c.err != nil {
		return nil, c.err
	}
	return c, nil
}

// Get returns the certificate for a handshake; give it to
// tls.Config.GetCertificate. It may be called from any goroutine.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= lookEvery {
		c.looked = now
		c.reload()
	}
	return c.current, nil
}

// Err returns why the files as they are now cannot be used, or nil.
func (c *Certificate) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// reload reads the files if they are others than before. mu is held, or c is
// not shared yet.
func (c *Certificate) reload() {
	var stamp [2]fileStamp
	for i, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			c.err = fmt.Errorf("secure: %w", err)
			return
		}
		stamp[i] = fileStamp{info.ModTime(), info.Size()}
	}
	if stamp == c.stamp && c.current != nil {
		return
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		c.err = fmt.Errorf("secure: certificate %s with key %s: %w", c.certFile, c.keyFile, err)
		return
	}
	c.current, c.stamp, c.err = &pair, stamp, nil
}
