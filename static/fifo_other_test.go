//go:build !unix

package static_test

import "testing"

// makeFifo makes nothing where there are no named pipes.
func makeFifo(*testing.T, string) {}
