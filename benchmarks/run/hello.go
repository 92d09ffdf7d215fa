package main

import (
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"wherry.example/wherry/benchmarks/internal/results"
)

// greet measures the programs below hello: their size, how long they take from
// their start to their first answer, and their memory then. The rounds are
// interleaved like all others.
func (l *lab) greet() error {
	dirs, err := filepath.Glob("hello/*")
	if err != nil {
		return err
	}
	starts := 10
	if l.quick {
		starts = 5
	}
	all := make([]results.Hello, len(dirs))
	for i, dir := range dirs {
		if all[i], err = l.size(dir); err != nil {
			return err
		}
	}
	for range starts {
		for i := range all {
			if err := l.greetOnce(&all[i]); err != nil {
				return err
			}
		}
	}
	for _, h := range all {
		log.Printf("  %-10s %5.1f MB, %5.1f MB stripped, first answer after %5.1f ms, %4.1f MiB", h.Name, float64(h.Bytes)/1e6,
			float64(h.Stripped)/1e6, results.Summarise(h.Start).Median, float64(h.RSS)/(1<<20))
	}
	l.file.Hellos = all
	return nil
}

func (l *lab) size(dir string) (h results.Hello, err error) {
	h.Name = filepath.Base(dir)
	path := l.bin("hello-" + h.Name)
	if err := goBuild(path+"-stripped", "./"+dir, "-ldflags", "-s -w"); err != nil {
		return h, err
	}
	if err := goBuild(path, "./"+dir); err != nil {
		return h, err
	}
	plain, err := os.Stat(path)
	if err != nil {
		return h, err
	}
	stripped, err := os.Stat(path + "-stripped")
	if err != nil {
		return h, err
	}
	h.Bytes, h.Stripped = plain.Size(), stripped.Size()
	return h, nil
}

func (l *lab) greetOnce(h *results.Hello) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	begin := time.Now()
	p, err := launch(h.Name, addr, exec.Command(l.bin("hello-"+h.Name), addr))
	if err != nil {
		return err
	}
	l.running = append(l.running, p)
	defer l.stop(p)
	if err := p.wait(10 * time.Second); err != nil {
		return err
	}
	h.Start = append(h.Start, float64(time.Since(begin))/float64(time.Millisecond))
	h.RSS = p.use().rss
	return nil
}
