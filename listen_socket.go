package wherry

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// This file opens unix sockets, which are files: they have a mode, and stay
// when their process is killed.

// listenUnix opens a unix socket: PATH, or PATH?mode=OCTAL.
func listenUnix(address string) (net.Listener, error) {
	path, mode, err := splitMode(address)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EADDRINUSE) && abandoned(path) {
		_ = os.Remove(path) // if it cannot be, the address is in use still
		ln, err = net.Listen("unix", path)
	}
	if err != nil {
		return nil, err
	}
	if mode == nil {
		return ln, nil
	}
	if err := os.Chmod(path, *mode); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

// splitMode returns the path of a socket, and its mode if the address has one.
func splitMode(address string) (path string, mode *fs.FileMode, err error) {
	path, option, found := strings.Cut(address, "?")
	if path == "" {
		return "", nil, errors.New("there is no path; give one, as \"unix:/run/app.sock\"")
	}
	if !found {
		return path, nil, nil
	}
	octal, found := strings.CutPrefix(option, "mode=")
	bits, err := strconv.ParseUint(octal, 8, 32)
	if !found || err != nil || bits > 0o777 || path[0] == '@' {
		return "", nil, fmt.Errorf("%q is no mode of a file; give one from 0 to 0777, as \"unix:/run/app.sock?mode=0660\"", option)
	}
	permissions := fs.FileMode(bits)
	return path, &permissions, nil
}

// abandoned reports whether a path is that of a socket on which nobody
// listens any more.
func abandoned(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return false
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
