//go:build !linux

package engine

// watches is empty where no descriptor can be watched beside its reading.
type watches struct{}

func (*watches) close() {}
