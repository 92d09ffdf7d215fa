//go:build unix

package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestPollOfReusedNumber: a socket is closed between the question to the system
// and its answer, and another has got its number: what was true of the first is
// not told of the second.
func TestPollOfReusedNumber(t *testing.T) {
	made, err := newPollSet()
	require.NoError(t, err)
	p := made.(*pollSet)
	defer p.close()
	pair := func() [2]int {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		require.NoError(t, err)
		return fds
	}
	ask := func() []event {
		_, err := unix.Poll(p.fds, 0)
		require.NoError(t, err)
		events := make([]event, 4)
		return events[:p.collect(events)]
	}
	old, heir := pair(), pair()
	defer func() { _, _ = unix.Close(heir[0]), unix.Close(heir[1]) }()
	number := int32(old[0])
	require.NoError(t, p.add(number, 1))
	p.list()

	p.remove(number)
	require.NoError(t, unix.Close(old[1]))
	_, err = unix.Poll(p.fds, 0) // it tells that the first one's peer has left
	require.NoError(t, err)
	require.NoError(t, unix.Dup2(heir[0], old[0]))
	defer unix.Close(old[0])
	require.NoError(t, p.add(number, 2))
	events := make([]event, 4)
	require.Zero(t, p.collect(events))

	_, err = unix.Write(heir[1], []byte("x"))
	require.NoError(t, err)
	p.list()
	require.Equal(t, []event{{fd: number, gen: 2, what: canRead}}, ask())
}

// TestPollWakesInTime: who changes the set has woken the wait when that can end.
// A loop closes its poller behind its last wait, and the pipe's number is
// another's then.
func TestPollWakesInTime(t *testing.T) {
	made, err := newPollSet()
	require.NoError(t, err)
	p := made.(*pollSet)
	defer p.close()
	met := 0
	for range 10 {
		begun, done := make(chan struct{}), make(chan struct{})
		go func() {
			// Whoever has waited for a lock so long is given it at the end of the
			// second change, before that does anything else.
			p.change(func() {
				close(begun)
				time.Sleep(2 * time.Millisecond)
			})
			p.change(func() {
				p.asleep = true
				time.Sleep(2 * time.Millisecond)
			})
			close(done)
		}()
		<-begun
		p.mu.Lock() // as a wait does that ends
		asleep := p.asleep
		p.asleep = false
		p.mu.Unlock()
		n := 0
		if asleep {
			met++
			fds := []unix.PollFd{{Fd: int32(p.rouse.out()), Events: unix.POLLIN}}
			n, err = unix.Poll(fds, 0)
			for err == unix.EINTR {
				n, err = unix.Poll(fds, 0)
			}
			require.NoError(t, err)
		}
		<-done
		p.asleep = false
		if asleep {
			require.Equal(t, 1, n, "the wake comes late")
		}
		p.rouse.drain()
	}
	t.Log(met, "waits ended behind the second change")
}
