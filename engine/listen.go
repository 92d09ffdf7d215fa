package engine

import "net"

// layersOf returns the listener to accept from, and what makes a connection of
// one that it accepts; nil for nothing.
func layersOf(ln net.Listener) (under net.Listener, layer func(net.Conn) net.Conn) {
	if layered, ok := ln.(Layered); ok {
		return layered.Under(), layered.Layer
	}
	return ln, nil
}
