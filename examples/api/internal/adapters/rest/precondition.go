package rest

import (
	"strconv"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/examples/api/internal/service"
)

// This file keeps clients from overwriting what they have not seen: a task has
// a strong entity tag, its version, and only a request that names it in
// If-Match may change the task (RFC 9110 section 13.1.1, RFC 6585 section 3).

// tagOf returns the entity tag of a version. IDs are never used again, so the
// version is enough to tell all that a path ever stood for apart.
func tagOf(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

var errNoPrecondition = wherry.NewError(428, "Say which version you have seen: If-Match with the ETag of the task, or * for any.")

// ifMatch returns which versions the client means. It belongs to the handler,
// as the Context does.
func ifMatch(c *wherry.Context) (service.Match, error) {
	if !c.Headers().Has(wherry.HeaderIfMatch) {
		return nil, errNoPrecondition
	}
	check := func(version int64) error {
		_, err := c.Precondition(tagOf(version), time.Time{})
		return err
	}
	if err := check(0); wherry.StatusOf(err) == 400 { // malformed for any version
		return nil, err
	}
	return func(version int64) bool { return check(version) == nil }, nil
}
