package rest

import (
	"slices"
	"strconv"
	"strings"

	"wherry.example/wherry"
	"wherry.example/wherry/examples/api/internal/service"
)

// This file keeps clients from overwriting what they have not seen: a task has
// a strong entity tag, its version, and only a request that names it in
// If-Match may change the task (RFC 9110 section 13.1.1, RFC 6585 section 3).

// tagOf returns the entity tag of a version. IDs are never used again, so the
// version is enough to tell all that a path ever stood for apart.
func tagOf(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

var (
	errNoPrecondition = wherry.NewError(428, "Say which version you have seen: If-Match with the ETag of the task, or * for any.")
	errPrecondition   = &wherry.Error{Status: 400, Errors: []wherry.FieldError{
		{Parameter: wherry.HeaderIfMatch, Detail: "must be * or a list of entity tags"}}}
)

// ifMatch returns which versions the client means.
func ifMatch(c *wherry.Context) (service.Match, error) {
	lines := c.Headers().Values(wherry.HeaderIfMatch)
	if len(lines) == 0 {
		return nil, errNoPrecondition
	}
	list := strings.Trim(strings.Join(lines, ","), " \t")
	if list == "*" {
		return func(int64) bool { return true }, nil
	}
	tags, ok := parseTags(list)
	if !ok {
		return nil, errPrecondition
	}
	return func(version int64) bool { return slices.Contains(tags, tagOf(version)) }, nil
}

// parseTags returns the entity tags of a list with their quotes and, if they
// are weak, their mark: so that those never equal a strong one.
//
//	entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE
func parseTags(list string) (tags []string, ok bool) {
	for {
		list = strings.TrimLeft(list, " \t,") // empty elements are allowed
		if list == "" {
			return tags, len(tags) > 0
		}
		opaque, weak := strings.CutPrefix(list, "W/")
		if !strings.HasPrefix(opaque, `"`) {
			return nil, false
		}
		length := strings.IndexByte(opaque[1:], '"') + 2
		if length == 1 || strings.ContainsAny(opaque[1:length-1], " \t") {
			return nil, false
		}
		if weak {
			length += len("W/")
		}
		tags = append(tags, list[:length])
		list = strings.TrimLeft(list[length:], " \t")
		if list != "" && list[0] != ',' {
			return nil, false
		}
	}
}
