// Restart replaces itself without losing a request: on SIGHUP it starts its
// program anew, hands over its listener, and drains once the new process
// serves.
//
//	go build -o restart ./examples/restart && ./restart &
//	kill -HUP $!
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// readyFD is where a new process tells the one before it that it serves.
const readyFD = 4

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	flag.Parse()
	if err := run(*addr, engine.Kind(*kind)); err != nil {
		log.Fatal(err)
	}
}

func run(addr string, kind engine.Kind) error {
	inherited := os.Getenv("LISTEN_FDS") != ""
	if inherited {
		addr = "fd:3"
	}
	ln, err := wherry.OpenListener(addr)
	if err != nil {
		return err
	}
	app := wherry.New().Engine(kind)
	app.Get("/", func(c *wherry.Context) error { return c.Text(200, fmt.Sprintf("process %d\n", os.Getpid())) })
	if err := app.Build(); err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, os.Interrupt)
	served := make(chan error, 1)
	go func() { served <- app.Serve(ln) }()
	log.Printf("process %d serves %v", os.Getpid(), ln.Addr())
	if inherited {
		if err := os.NewFile(readyFD, "ready").Close(); err != nil {
			return err
		}
	}
	for s := range signals {
		if s != syscall.SIGHUP {
			break
		}
		if err := replace(ln); err != nil {
			log.Printf("the new process does not serve, this one goes on: %v", err)
			continue
		}
		break
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := app.Shutdown(ctx); err != nil {
		return err
	}
	return <-served
}

// replace starts the program with the listener and waits until it serves.
func replace(ln net.Listener) error {
	socket, err := ln.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		return err
	}
	defer socket.Close()
	wait, ready, err := os.Pipe()
	if err != nil {
		return err
	}
	defer wait.Close()
	program := exec.Command(os.Args[0], os.Args[1:]...)
	program.Stdout, program.Stderr = os.Stdout, os.Stderr
	program.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_PID=", "LISTEN_FDNAMES=") // not those of systemd
	program.ExtraFiles = []*os.File{socket, ready}                                       // descriptors 3 and 4
	err = program.Start()
	_ = ready.Close()
	if err != nil {
		return err
	}
	return awaitReady(wait, program)
}
