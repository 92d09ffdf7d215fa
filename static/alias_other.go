//go:build !windows

package static

// aliases tells that names mean what they say.
const aliases = false
