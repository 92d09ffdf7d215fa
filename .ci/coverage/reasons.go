package main

import (
	"fmt"
	"strconv"
	"strings"
)

// reason says why statements of a function are not covered.
type reason struct {
	statements int
	sometimes  bool // it depends on time: up to that many
}

// parseReasons reads lines of the form
//
//	FILE:FUNCTION N: REASON
//	FILE:FUNCTION N sometimes: REASON
//
// where N is the number of statements. Empty lines and those that begin with
// # say nothing.
func parseReasons(text string) (map[string]reason, error) {
	reasons := map[string]reason{}
	for n, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		subject, why, _ := strings.Cut(line, ": ")
		words := strings.Fields(subject)
		if len(words) < 2 || len(words) > 3 || len(words) == 3 && words[2] != "sometimes" || strings.TrimSpace(why) == "" {
			return nil, fmt.Errorf("%d: %q is not FILE:FUNCTION N: REASON", n+1, line)
		}
		statements, err := strconv.Atoi(words[1])
		if err != nil || statements < 1 {
			return nil, fmt.Errorf("%d: %q is no number of statements", n+1, words[1])
		}
		if _, twice := reasons[words[0]]; twice {
			return nil, fmt.Errorf("%d: %s has a reason already", n+1, words[0])
		}
		reasons[words[0]] = reason{statements, len(words) == 3}
	}
	return reasons, nil
}
