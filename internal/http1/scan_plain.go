//go:build purego

package http1

func tokenLength(b []byte) int { return plainTokenLength(b) }
func isClean(b []byte) bool    { return plainIsClean(b) }
