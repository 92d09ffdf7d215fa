package rest

import (
	"net/url"
	"strconv"
	"strings"

	"wherry.example/wherry"
	"wherry.example/wherry/examples/api/internal/domain"
	"wherry.example/wherry/examples/api/internal/ports"
)

// This file cuts lists into pages. A page is named by the ID next to it, not
// by a number: nothing is shown twice or left out when tasks come and go, and
// no page costs more than another.

// How many tasks a page has.
const (
	usualLimit = 20
	mostLimit  = 100
)

type pageQuery struct {
	Status *string   `query:"status"`
	After  domain.ID `query:"after"`
	Before domain.ID `query:"before"`
	Limit  *int      `query:"limit"`
}

// selection reads which tasks the client wants.
func selection(c *wherry.Context) (ports.Selection, error) {
	q, err := wherry.Bind[pageQuery](c)
	if err != nil {
		return ports.Selection{}, err
	}
	sel := ports.Selection{After: q.After, Before: q.Before, Last: q.Before != "", Limit: usualLimit}
	var wrong []wherry.FieldError
	if q.Limit != nil {
		sel.Limit = *q.Limit
	}
	if sel.Limit < 1 || sel.Limit > mostLimit {
		wrong = append(wrong, wherry.FieldError{Parameter: "limit", Detail: "must be from 1 to 100"})
	}
	if q.Status != nil {
		sel.Status = domain.Status(*q.Status)
		if !sel.Status.Known() {
			wrong = append(wrong, wherry.FieldError{Parameter: "status", Detail: "must be open or done"})
		}
	}
	if q.After != "" && q.Before != "" {
		wrong = append(wrong, wherry.FieldError{Parameter: "before", Detail: "cannot stand beside after"})
	}
	if len(wrong) > 0 {
		return ports.Selection{}, &wherry.Error{Status: 400, Errors: wrong}
	}
	return sel, nil
}

// setLinks tells the client where it can go from here, RFC 8288. The targets
// are relative, so that no Host of a request gets into them.
func setLinks(c *wherry.Context, sel ports.Selection, tasks []domain.Task, more bool) error {
	path, err := c.URL("tasks")
	if err != nil {
		return err
	}
	links := []string{link(path, sel, "first", "", "")}
	// There is more on the side that was looked at, and on the other one there
	// is, or was, what the client came from.
	prev, next := sel.After != "", more
	if sel.Last {
		prev, next = more, true
	}
	if prev && len(tasks) > 0 {
		links = append(links, link(path, sel, "prev", "before", tasks[0].ID))
	}
	if next && len(tasks) > 0 {
		links = append(links, link(path, sel, "next", "after", tasks[len(tasks)-1].ID))
	}
	c.SetHeader(wherry.HeaderLink, strings.Join(links, ", "))
	return nil
}

// link returns a link to a page of the same selection.
func link(path string, sel ports.Selection, relation, side string, id domain.ID) string {
	q := url.Values{"limit": {strconv.Itoa(sel.Limit)}}
	if sel.Status != "" {
		q.Set("status", string(sel.Status))
	}
	if side != "" {
		q.Set(side, string(id))
	}
	return "<" + path + "?" + q.Encode() + `>; rel="` + relation + `"`
}
