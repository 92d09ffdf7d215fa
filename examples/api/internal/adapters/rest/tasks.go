package rest

import (
	"errors"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/examples/api/internal/domain"
	"wherry.example/wherry/examples/api/internal/service"
)

// handlers are the routes of the API.
type handlers struct {
	service *service.Service
}

// owned makes a handler of one that acts for an owner: the client whose key
// the request came with.
func owned(h func(c *wherry.Context, owner string) error) wherry.Handler {
	return func(c *wherry.Context) error {
		owner := client(c)
		if owner == "" {
			return errors.New("rest: a route for owners is not behind KeyAuth")
		}
		return h(c, owner)
	}
}

func (h handlers) list(c *wherry.Context, owner string) error {
	sel, err := selection(c)
	if err != nil {
		return err
	}
	tasks, more, err := h.service.List(c.Context(), owner, sel)
	if err != nil {
		return err
	}
	if err := setLinks(c, sel, tasks, more); err != nil {
		return err
	}
	page := pageJSON{Tasks: make([]taskJSON, 0, len(tasks))}
	for _, t := range tasks {
		page.Tasks = append(page.Tasks, represent(t))
	}
	return c.JSON(200, page)
}

func (h handlers) create(c *wherry.Context, owner string) error {
	d, err := wherry.BindStrict[draftJSON](c)
	if err != nil {
		return err
	}
	t, err := h.service.Create(c.Context(), owner, d.draft())
	if err != nil {
		return err
	}
	location, err := c.URL("task", t.ID)
	if err != nil {
		return err
	}
	c.SetHeader(wherry.HeaderLocation, location)
	return answer(c, 201, t)
}

func (h handlers) read(c *wherry.Context, owner string) error {
	id, err := wherry.Param[domain.ID](c, "id")
	if err != nil {
		return err
	}
	t, err := h.service.Get(c.Context(), owner, id)
	if err != nil {
		return err
	}
	return answer(c, 200, t)
}

func (h handlers) change(c *wherry.Context, owner string) error {
	id, err := wherry.Param[domain.ID](c, "id")
	if err != nil {
		return err
	}
	match, err := ifMatch(c)
	if err != nil {
		return err
	}
	d, err := wherry.BindStrict[draftJSON](c)
	if err != nil {
		return err
	}
	t, err := h.service.Change(c.Context(), owner, id, match, d.draft())
	if err != nil {
		return err
	}
	return answer(c, 200, t)
}

func (h handlers) remove(c *wherry.Context, owner string) error {
	id, err := wherry.Param[domain.ID](c, "id")
	if err != nil {
		return err
	}
	match, err := ifMatch(c)
	if err != nil {
		return err
	}
	if err := h.service.Delete(c.Context(), owner, id, match); err != nil {
		return err
	}
	return c.NoContent()
}

// draftJSON is what a client sends.
type draftJSON struct {
	Title  string  `json:"title"`
	Notes  string  `json:"notes"`
	Due    dueJSON `json:"due"`
	Status string  `json:"status"`
}

func (d draftJSON) draft() domain.Draft {
	if d.Status == "" {
		d.Status = string(domain.Open)
	}
	return domain.Draft{Title: d.Title, Notes: d.Notes, Due: time.Time(d.Due), Status: domain.Status(d.Status)}
}

// dueJSON is a time whose mistakes are told with their place.
type dueJSON time.Time

// UnmarshalText reads a time as in RFC 3339.
func (d *dueJSON) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return &wherry.Error{Status: 400, Detail: "The content is not the JSON that is expected here.",
			Errors: []wherry.FieldError{{Pointer: "#/due", Detail: "must be a time as in RFC 3339"}}}
	}
	*d = dueJSON(t)
	return nil
}

// taskJSON is what a client gets.
type taskJSON struct {
	ID      domain.ID     `json:"id"`
	Title   string        `json:"title"`
	Notes   string        `json:"notes,omitempty"`
	Due     time.Time     `json:"due,omitzero"`
	Status  domain.Status `json:"status"`
	Created time.Time     `json:"created"`
	Updated time.Time     `json:"updated"`
}

type pageJSON struct {
	Tasks []taskJSON `json:"tasks"`
}

func represent(t domain.Task) taskJSON {
	return taskJSON{t.ID, t.Title, t.Notes, t.Due, t.Status, t.Created, t.Updated}
}

// answer sends a task with the tag of its version.
func answer(c *wherry.Context, status int, t domain.Task) error {
	c.SetHeader(wherry.HeaderETag, tagOf(t.Version))
	return c.JSON(status, represent(t))
}
