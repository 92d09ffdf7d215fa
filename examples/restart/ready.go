package main

import (
	"errors"
	"os"
	"os/exec"
	"time"
)

// awaitReady waits until the new process has closed its end of the pipe, which
// it does when it serves. A process that ends before has closed it as well, so
// that is looked for.
func awaitReady(wait *os.File, program *exec.Cmd) error {
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	_ = wait.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, _ = wait.Read(make([]byte, 1))
	select {
	case err := <-ended:
		return errors.Join(errors.New("it has ended"), err)
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}
