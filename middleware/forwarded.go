package middleware

import (
	"strings"

	"wherry.example/wherry"
	"wherry.example/wherry/internal/peer"
)

// This file reads Forwarded, RFC 7239 section 4:
//
//	Forwarded = 1#( [ token "=" value ] *( ";" [ token "=" value ] ) )
//
// Quoted strings may hold commas, so a line is read from the left and then
// walked from the right.

// hop is one element of Forwarded.
type hop struct{ node, proto string }

// findForwarded walks Forwarded from the right, over all its lines. One line
// that breaks the grammar ends the walk before it.
func findForwarded(c *wherry.Context, proxies *peer.Set, o *origin) {
	left := maxHops
	lines := c.Headers().Values(wherry.HeaderForwarded)
	for i := len(lines) - 1; i >= 0; i-- {
		hops, ok := parseForwarded(lines[i], left)
		if !ok {
			return
		}
		left -= len(hops)
		for j := len(hops) - 1; j >= 0; j-- {
			addr, ok := parseHop(hops[j].node)
			if !ok {
				return // "unknown", an obfuscated name, or none
			}
			o.addr, o.scheme = addr, knownScheme(hops[j].proto)
			if !proxies.Contains(addr) {
				return
			}
		}
	}
}

// parseForwarded reads the elements of one line, false if it is malformed or
// has more of them than most.
func parseForwarded(line string, most int) (hops []hop, ok bool) {
	for rest := line; ; {
		var h hop
		if rest, ok = h.parse(rest); !ok || len(hops) == most {
			return nil, false
		}
		hops = append(hops, h)
		if rest == "" {
			return hops, true
		}
		rest = rest[1:] // the comma
	}
}

// parse reads one element and returns what is left from its comma on.
func (h *hop) parse(s string) (rest string, ok bool) {
	for {
		s = strings.TrimLeft(s, " \t")
		name, value, rest, ok := cutPair(s)
		if !ok || !h.set(strings.ToLower(name), value) {
			return "", false
		}
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" || rest[0] == ',' {
			return rest, true
		}
		if rest[0] != ';' {
			return "", false
		}
		s = rest[1:]
	}
}

// set notes a parameter. None may occur twice.
func (h *hop) set(name, value string) bool {
	target := &h.node
	switch name {
	case "for":
	case "proto":
		target = &h.proto
	default:
		return true
	}
	fresh := *target == ""
	*target = value
	return fresh && value != ""
}

// cutPair cuts `token=value` off the front; an empty pair is one too.
func cutPair(s string) (name, value, rest string, ok bool) {
	if s == "" || s[0] == ',' || s[0] == ';' {
		return "", "", s, true
	}
	name, s, ok = strings.Cut(s, "=")
	if !ok || !isToken(name) {
		return "", "", "", false
	}
	if quoted, found := strings.CutPrefix(s, "\""); found {
		value, rest, ok = unquote(quoted)
		return name, value, rest, ok
	}
	end := strings.IndexAny(s, ",; \t")
	if end < 0 {
		end = len(s)
	}
	// Wider than the grammar: some write addresses of version 6, and ports,
	// without quotes.
	return name, s[:end], s[end:], !strings.Contains(s[:end], "\"")
}

// unquote reads a quoted string behind its first quote.
func unquote(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
