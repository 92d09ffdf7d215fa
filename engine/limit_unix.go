//go:build unix

package engine

import "net"

// ownedSocket is a readyConn as its session sees it.
type ownedSocket struct{ *readyConn }

func (c *readyConn) owned() net.Conn { return ownedSocket{c} }

// Close closes the connection and gives its place back.
func (c ownedSocket) Close() error {
	err := c.readyConn.Close()
	c.e.closed(c.readyConn)
	return err
}
