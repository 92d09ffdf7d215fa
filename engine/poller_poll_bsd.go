//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package engine

// pollPeerLeft is the event of poll that tells of the peer's leaving: there is
// none here. The end is found by reading.
const pollPeerLeft = 0
