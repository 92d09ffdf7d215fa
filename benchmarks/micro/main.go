// Micro runs the benchmarks of this folder, and that of our router, which has
// to be inside of its package; the report reads what it prints.
//
//	go run ./micro -count 6 > results/micro.txt
//	go run ./micro -bench Route/github
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	pattern := flag.String("bench", ".", "which benchmarks")
	count := flag.Int("count", 6, "how often each runs")
	length := flag.String("benchtime", "300ms", "how long each runs")
	flag.Parse()
	if err := run(*pattern, *count, *length); err != nil {
		log.Fatal(err)
	}
}

func run(pattern string, count int, length string) error {
	dir, err := os.MkdirTemp("", "wherry-micro-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	overlay, err := routerOverlay(dir)
	if err != nil {
		return err
	}
	// Binaries whose names end with .test never use a Context again.
	ours, theirs := filepath.Join(dir, "router"), filepath.Join(dir, "micro")
	if err := command("..", "go", "test", "-c", "-o", ours, "-overlay", overlay, ".").Run(); err != nil {
		return fmt.Errorf("the benchmark of the router: %w", err)
	}
	if err := command(".", "go", "test", "-c", "-o", theirs, "./micro").Run(); err != nil {
		return err
	}
	args := []string{"-test.run", "^$", "-test.benchmem", "-test.benchtime", length, "-test.bench"}
	for range count { // in turn, so that a slow minute hits all of them
		if err := command("micro", theirs, append(args, pattern)...).Run(); err != nil {
			return err
		}
		if err := command("..", ours, append(args, "^BenchmarkRoute$")...).Run(); err != nil {
			return err
		}
	}
	return nil
}

// routerOverlay puts testdata/router_bench_test.go.txt into the root package
// for one build.
func routerOverlay(dir string) (string, error) {
	from, err := filepath.Abs("micro/testdata/router_bench_test.go.txt")
	if err != nil {
		return "", err
	}
	to, err := filepath.Abs("../router_bench_test.go")
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(map[string]map[string]string{"Replace": {to: from}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, raw, 0o644)
}

// command runs in a folder and prints what it prints.
func command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}
