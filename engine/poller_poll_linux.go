package engine

import "golang.org/x/sys/unix"

// pollPeerLeft is the event of poll that tells of the peer's leaving.
const pollPeerLeft = unix.POLLRDHUP
