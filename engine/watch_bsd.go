//go:build unix && !linux

package engine

// add begins no watch here: a context is then cancelled by the end of its
// handler only.
func (*watches) add(int, func()) (stop func()) { return func() {} }
