package engine

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file reads and writes sockets by descriptor number without telling the
// scheduler: the descriptors do not block, so the calls return at once.
// recvfrom and sendto skip checks that read and write make for files. The
// plain form is io_unix.go.

// receive reads what is there: 0 and no error is the end.
func receive(fd int, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EAGAIN:
			return 0, ErrWouldBlock
		case syscall.EINTR:
			continue
		}
		return 0, errno
	}
}

// send writes what fits.
func send(fd int, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EAGAIN:
			return 0, ErrWouldBlock
		case syscall.EINTR:
			continue
		}
		return 0, errno
	}
}

// readable reports whether a read would not wait: bytes, the end, or an error.
func readable(fd int) bool {
	var one [1]byte
	_, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&one)), 1, unix.MSG_DONTWAIT|unix.MSG_PEEK, 0, 0)
	return errno != syscall.EAGAIN
}
