package secure

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// This file answers clients that speak HTTP in clear where TLS is spoken: they
// get an answer of HTTP, and no request is served.

// shielded is a connection of TLS whose handshake answers those who do not
// speak it.
type shielded struct{ *tls.Conn }

// Unwrap returns the connection of TLS.
func (c *shielded) Unwrap() net.Conn { return c.Conn }

// Handshake runs the handshake, unless it has run.
func (c *shielded) Handshake() error { return c.HandshakeContext(context.Background()) }

// HandshakeContext is Handshake until ctx is done. When it fails because the
// client has begun with a request of HTTP, that is answered before it returns.
func (c *shielded) HandshakeContext(ctx context.Context) error {
	err := c.Conn.HandshakeContext(ctx)
	var other tls.RecordHeaderError
	if errors.As(err, &other) && other.Conn != nil && beginsHTTP(string(other.RecordHeader[:])) {
		refuse(other.Conn)
	}
	return err
}

// beginsHTTP reports whether the first bytes of a connection are those of a
// request. No record of TLS begins with a letter.
func beginsHTTP(first string) bool {
	switch first {
	case "GET /", "HEAD ", "POST ", "PUT /", "PATCH", "DELET", "OPTIO", "TRACE", "CONNE", "GET h", "PUT h":
		return true
	}
	return false
}

const (
	// refusalTime is how long a client may take to read the refusal, and
	// refusalBytes how much of what it still sends is read and forgotten:
	// closing over unread input would be a reset, which destroys the answer
	// on its way.
	refusalTime  = 2 * time.Second
	refusalBytes = 64 << 10
)

// refuse answers a request in clear, and reads on until the client leaves.
func refuse(conn net.Conn) {
	const text = "This address speaks TLS. Ask again with https.\n"
	_ = conn.SetDeadline(time.Now().Add(refusalTime))
	_, err := fmt.Fprintf(conn, "HTTP/1.1 400 Bad Request\r\nDate: %s\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		"Content-Length: %d\r\nConnection: close\r\n\r\n%s", time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"), len(text), text)
	if err != nil {
		return
	}
	if half, ok := conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, conn, refusalBytes)
	}
}
