package static

import (
	"strings"

	"wherry.example/wherry"
)

// This file turns the path of a request into a name that may be opened. Which
// paths have one is wherry.FilePath's rule.

// requested returns the name below the root, "." for the root itself, and
// whether the path ends in a slash. It reports false for a path that must not
// reach a file system.
func requested(c *wherry.Context) (name string, slash, ok bool) {
	if name, ok = wherry.DirPath(c); ok {
		return name, true, true
	}
	name, ok = wherry.FilePath(c)
	return name, false, ok
}

// wild reports whether the route leads to more than one path.
func wild(c *wherry.Context) bool { return strings.HasSuffix(c.Pattern(), "**") }

// visible reports whether a name may be served: no segment that begins with a
// dot, unless asked for, and none that means something else to the system.
func (s *site) visible(name string) bool {
	if name == "." {
		return true
	}
	for segment := range strings.SplitSeq(name, "/") {
		if segment[0] == '.' && segment != ".well-known" && !s.dotfiles {
			return false
		}
		if aliases && windowsAlias(segment) {
			return false
		}
	}
	return true
}

// windowsAlias reports whether Windows would open something else than a file
// of this name: a device, a name without the dots and blanks at its end, or
// the long name behind a short one such as GIT~1.
func windowsAlias(segment string) bool {
	if last := segment[len(segment)-1]; last == '.' || last == ' ' {
		return true
	}
	if i := strings.IndexByte(segment, '~'); i >= 0 && i+1 < len(segment) && segment[i+1] >= '0' && segment[i+1] <= '9' {
		return true
	}
	stem, _, _ := strings.Cut(strings.ToUpper(segment), ".")
	stem = strings.TrimRight(stem, " ")
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	number, com := strings.CutPrefix(stem, "COM")
	if !com {
		number, com = strings.CutPrefix(stem, "LPT")
	}
	switch number {
	case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
		return com
	}
	return false
}
