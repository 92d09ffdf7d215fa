//go:build unix && !linux

package engine

// No descriptor is watched beside its reading here: a context is cancelled by
// the end of its handler only, and a connection that rests keeps a goroutine.

const (
	peerLeaves = 1 << iota
	anyNews
)

type watch struct{}

func (*watch) end() {}

func (*watches) add(int, *watch, uint32, func()) *watch { return nil }

func (*watches) forget(*watch) {}

func (*watches) disarm(int) {}
