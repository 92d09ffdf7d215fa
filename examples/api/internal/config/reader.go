package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// reader reads variables and collects what is wrong with them. A variable that
// is empty is one that is not set.
type reader struct {
	lookup   func(string) (string, bool)
	readFile func(string) ([]byte, error)
	errs     []error
}

func (r *reader) wrong(name, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("  "+name+": "+format, args...))
}

func (r *reader) text(name string) string {
	value, _ := r.lookup(name)
	return strings.TrimSpace(value)
}

func (r *reader) list(name string) (list []string) {
	for part := range strings.SplitSeq(r.text(name), ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

func (r *reader) prefixes(name string) (list []netip.Prefix) {
	for _, part := range r.list(name) {
		p, err := netip.ParsePrefix(part)
		if err != nil {
			r.wrong(name, "%q is no network; write one as 10.0.0.0/8, a single address as 192.0.2.1/32", part)
			continue
		}
		list = append(list, p)
	}
	return list
}

func (r *reader) integer(name string, standard, least, most int) int {
	value := r.text(name)
	if value == "" {
		return standard
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		r.wrong(name, "%q: give a whole number from %d to %d, or nothing for %d", value, least, most, standard)
		return standard
	}
	return n
}

func (r *reader) duration(name string, standard, least, most time.Duration) time.Duration {
	value := r.text(name)
	if value == "" {
		return standard
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < least || d > most {
		r.wrong(name, "%q: give a duration from %v to %v, as 1m30s, or nothing for %v", value, least, most, standard)
		return standard
	}
	return d
}

func (r *reader) level(name string) (level slog.Level) {
	value := r.text(name)
	if value == "" {
		return slog.LevelInfo
	}
	if err := level.UnmarshalText([]byte(value)); err != nil {
		r.wrong(name, "%q: give debug, info, warn or error, or nothing for info", value)
	}
	return level
}

// minKey is how long a key must be.
const minKey = 16

// keys reads the keys of clients from one of two variables. What it reports
// never holds a key, nor anything that might be a part of one.
func (r *reader) keys(name, fileName string) map[string]string {
	pairs, file := r.list(name), r.text(fileName)
	switch {
	case len(pairs) > 0 && file != "":
		r.wrong(name, "is set, and so is %s; set one of them", fileName)
		return nil
	case file != "":
		name = fileName
		content, err := r.readFile(file)
		if err != nil {
			r.wrong(name, "%v; name a file that can be read", err)
			return nil
		}
		pairs = lines(string(content))
	}
	if len(pairs) == 0 {
		r.wrong(name, "has no keys; give name=key for each client, with a key of at least %d bytes, as from: openssl rand -hex 24", minKey)
		return nil
	}
	keys, owners := map[string]string{}, map[string]string{}
	for i, pair := range pairs {
		client, key, _ := strings.Cut(pair, "=")
		client, key = strings.TrimSpace(client), strings.TrimSpace(key)
		switch {
		case client == "" || key == "":
			r.wrong(name, "pair %d is not of the form name=key", i+1)
		case len(key) < minKey:
			r.wrong(name, "the key of %q is shorter than %d bytes; make a longer one", client, minKey)
		case keys[client] != "":
			r.wrong(name, "%q has two keys; give it one", client)
		case owners[key] != "":
			r.wrong(name, "%q and %q have the same key; make another one", owners[key], client)
		}
		keys[client], owners[key] = key, client
	}
	return keys
}

// lines returns the lines of a file without comments and empty ones.
func lines(content string) (list []string) {
	for line := range strings.Lines(content) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}
