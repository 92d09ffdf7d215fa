//go:build !linux && !darwin

package engine

import "net"

// boundUnsentBelow does nothing where the system knows no bound.
func boundUnsentBelow(net.Conn) {}
