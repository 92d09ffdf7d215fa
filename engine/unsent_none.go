//go:build !linux && !darwin

package engine

import "net"

// Where the system knows no bound, what a socket takes is the system's matter.

func boundUnsent(int) {}

func boundUnsentBelow(net.Conn) {}
