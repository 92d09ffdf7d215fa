package wherry

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// This file opens listeners, or takes over those that a supervisor or the
// process before this one has opened.

// firstInherited is the number of the first descriptor that is passed on, as
// with systemd's socket activation.
const firstInherited = 3

// OpenListener opens the listener that an address names, as [App.Listen] does:
//
//	HOST:PORT             TCP; an empty host means all, port 0 any that is free
//	unix:PATH             a unix socket
//	unix:PATH?mode=0660   the same, and the mode of its file, in octal
//	fd:N                  the descriptor N that this process was started with, from 3 on
//	fd:NAME               that of this name in LISTEN_FDNAMES
//
// The file of a unix socket goes when the listener is closed. One that a
// process has left that was killed is replaced: nobody answers there. Two
// processes that start at the same moment may replace each other's. Without a
// mode the umask decides who may connect. A mode is set once the socket is
// there: where the umask allows more, the directory must keep others out
// until then. A PATH that begins with "@" is an abstract socket, on Linux.
//
// The variables LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID are read as systemd
// writes them: with a LISTEN_PID of another process they are not for this
// one. A listener that was taken over does not remove the file of its unix
// socket when it is closed.
func OpenListener(addr string) (net.Listener, error) {
	var ln net.Listener
	var err error
	switch kind, rest, found := strings.Cut(addr, ":"); {
	case found && kind == "unix":
		ln, err = listenUnix(rest)
	case found && kind == "fd":
		ln, err = inherit(rest)
	case addr == "" || strings.HasSuffix(addr, ":"):
		err = errors.New("there is no port; give one, as \":8080\", or \":0\" for any that is free")
	default:
		ln, err = net.Listen("tcp", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("wherry: listen on %q: %w", addr, err)
	}
	return ln, nil
}

// listen opens a listener for each address, or none.
func listen(addrs []string) ([]net.Listener, error) {
	if len(addrs) == 0 {
		return nil, errors.New("wherry: no address to listen on; give one, as \":8080\", \"unix:/run/app.sock\" or \"fd:3\"")
	}
	var listeners []net.Listener
	for _, addr := range addrs {
		ln, err := OpenListener(addr)
		if err != nil {
			for _, l := range listeners {
				_ = l.Close()
			}
			return nil, err
		}
		listeners = append(listeners, ln)
	}
	return listeners, nil
}

// noListener is what serving on no listener at all is.
func noListener() error {
	return fmt.Errorf("wherry: %s: there is no listener to serve; give one, as net.Listen or wherry.OpenListener return it", caller())
}

// inherit takes over a listener by number or name.
func inherit(which string) (net.Listener, error) {
	fd, err := inheritedNumber(which)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "listener "+which)
	ln, err := net.FileListener(file) // a copy
	if failed := file.Close(); err == nil && failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, fmt.Errorf("descriptor %d is no listening socket: %w", fd, err)
	}
	if u, ok := ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return ln, nil
}

func inheritedNumber(which string) (int, error) {
	if pid := os.Getenv("LISTEN_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0, fmt.Errorf("LISTEN_PID is %s: the descriptors are for another process", pid)
	}
	count, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || count < 1 {
		return 0, errors.New("LISTEN_FDS is not set: no descriptors were passed on")
	}
	if fd, err := strconv.Atoi(which); err == nil {
		if fd < firstInherited || fd >= firstInherited+count {
			return 0, fmt.Errorf("the descriptors that were passed on are %d to %d", firstInherited, firstInherited+count-1)
		}
		return fd, nil
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for i, name := range names[:min(count, len(names))] {
		if name == which && name != "" {
			return firstInherited + i, nil
		}
	}
	return 0, fmt.Errorf("no descriptor has this name in LISTEN_FDNAMES=%q", os.Getenv("LISTEN_FDNAMES"))
}
