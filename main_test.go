package wherry_test

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"testing"
	"time"
)

// TestMain: after the last test all goroutines and descriptors are gone.
func TestMain(m *testing.M) {
	if child := children[os.Getenv("WHERRY_TEST_CHILD")]; child != nil {
		os.Exit(child())
	}
	_ = flag.Set("test.parallel", "8") // most parallel tests only wait; the command line may say otherwise
	warmUp()
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors()
	code := m.Run()
	if code == 0 {
		code = awaitEnd(goroutines, descriptors)
	}
	os.Exit(code)
}

// children are what the test binary does when a test starts it again.
var children = map[string]func() int{}

// warmUp lets the runtime begin what it keeps: its poller, and the goroutine of
// signals, which fuzzing starts.
func warmUp() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	signal.Stop(signals)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		_ = ln.Close()
	}
}

// openDescriptors counts the open descriptors, 0 where the system does not
// tell.
func openDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

func awaitEnd(goroutines, descriptors int) int {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if runtime.NumGoroutine() <= goroutines && openDescriptors() <= descriptors {
			return 0
		}
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	fmt.Printf("left behind: %d goroutines (began with %d), %d descriptors (began with %d)\n%s\n",
		runtime.NumGoroutine(), goroutines, openDescriptors(), descriptors, stacks)
	return 1
}
