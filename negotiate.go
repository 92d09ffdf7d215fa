package wherry

import "errors"

// Offers is an answer in several forms; a nil or empty form is not offered.
// Each is written by the caller: no form is ever made of another one, so text
// that came from a client cannot become HTML on its way.
type Offers struct {
	JSON any    // application/json
	HTML string // text/html
	Text string // text/plain
}

// Negotiate answers in the form that the client likes best, in the order
// JSON, HTML, text for equals. A client that wants none of them gets 406.
func (c *Context) Negotiate(status int, o Offers) error {
	var offers []string
	if o.JSON != nil {
		offers = append(offers, "json")
	}
	if o.HTML != "" {
		offers = append(offers, "html")
	}
	if o.Text != "" {
		offers = append(offers, "text")
	}
	if len(offers) == 0 {
		return errors.New("wherry: Negotiate without any offer")
	}
	switch c.Accepts(offers...) {
	case "json":
		return c.JSON(status, o.JSON)
	case "html":
		return c.HTML(status, o.HTML)
	case "text":
		return c.Text(status, o.Text)
	}
	return &Error{Status: 406, Detail: "There is no form of this that the client accepts."}
}
