package wherry_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

// inHandler runs f in a handler, for what only handlers get.
func inHandler(t *testing.T, raw string, f func(*wherry.Context)) *wherry.TestResponse {
	t.Helper()
	ran := false
	app := quiet().Get("/**", func(c *wherry.Context) error { f(c); ran = true; return nil })
	r := ask(t, app, raw)
	require.True(t, ran)
	return r
}

func lines(h *wherry.Headers) string {
	var all []string
	for name, value := range h.All() {
		all = append(all, name+"="+value)
	}
	return strings.Join(all, ",")
}

// TestHeaders: an ordered list whose names are compared without case.
func TestHeaders(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(h *wherry.Headers)
		want string
	}{
		{"add keeps order", func(h *wherry.Headers) { h.Add("B", "1"); h.Add("A", "2"); h.Add("b", "3") }, "B=1,A=2,b=3"},
		{"set takes the first place", func(h *wherry.Headers) { h.Add("B", "1"); h.Add("A", "2"); h.Add("b", "3"); h.Set("b", "4") }, "B=4,A=2"},
		{"set of a new name", func(h *wherry.Headers) { h.Set("A", "1"); h.Set("B", "") }, "A=1,B="},
		{"del all", func(h *wherry.Headers) { h.Add("B", "1"); h.Add("A", "2"); h.Add("b", "3"); h.Del("B") }, "A=2"},
		{"del none", func(h *wherry.Headers) { h.Add("B", "1"); h.Del("A") }, "B=1"},
		{"no prefix matches", func(h *wherry.Headers) { h.Add("AB", "1"); h.Set("A", "2"); h.Del("ABC") }, "AB=1,A=2"},
		{"only letters fold", func(h *wherry.Headers) { h.Add("A^", "1"); h.Set("A~", "2"); h.Add("a`", "3") }, "A^=1,A~=2,a`=3"},
		{"values as they are", func(h *wherry.Headers) { h.Add("A", "ü\t x,y") }, "A=ü\t x,y"},
	} {
		var h wherry.Headers
		require.Zero(t, h.Len())
		test.do(&h)
		require.Equal(t, test.want, lines(&h), test.name)
		require.Equal(t, strings.Count(test.want, "="), h.Len())
	}
	var h wherry.Headers
	h.Add("A", "1")
	h.Add("a", "2")
	require.Equal(t, "1", h.Get("a"))
	require.Equal(t, []string{"1", "2"}, h.Values("A"))
	require.True(t, h.Has("a"))
	require.False(t, h.Has("b"))
	require.Empty(t, h.Get("b"))
	require.Nil(t, h.Values("b"))
	h.Add("bad name", "1")
	h.Set("", "1")
	h.Set("X", "\x00")
	require.Equal(t, 2, h.Len(), "what cannot be sent is not taken")
}

// TestResponseFieldsOnTheWire: in order and as they were given.
func TestResponseFieldsOnTheWire(t *testing.T) {
	head, _ := wire(t, func(c *wherry.Context) error {
		c.AddHeader("set-cookie", "a=1")
		c.AddHeader("Set-Cookie", "b=2")
		c.SetHeader("x-ODD", "")
		c.SetHeader("Grüße", "not a token")
		return nil
	}, get("/"))
	require.True(t, strings.HasPrefix(head, "HTTP/1.1 500 "))
	head, _ = wire(t, func(c *wherry.Context) error {
		c.AddHeader("set-cookie", "a=1")
		c.AddHeader("Set-Cookie", "b=2")
		c.SetHeader("x-ODD", "")
		return nil
	}, get("/"))
	require.True(t, strings.HasPrefix(head, "HTTP/1.1 200 OK\r\nDate: "), head)
	require.True(t, strings.HasSuffix(head, " GMT\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\nx-ODD: \r\nContent-Length: 0\r\n"), head)
}

// TestContentTypeOnTheWire: that of Text, HTML and JSON, which is there as a
// whole line, is a field like any other.
func TestContentTypeOnTheWire(t *testing.T) {
	text := func(c *wherry.Context) { _ = c.Text(200, "") }
	for _, test := range []struct {
		name string
		do   func(c *wherry.Context)
		want string
	}{
		{"text", text, "Content-Type: text/plain; charset=utf-8\r\n"},
		{"HTML", func(c *wherry.Context) { _ = c.HTML(200, "") }, "Content-Type: text/html; charset=utf-8\r\n"},
		{"JSON after text", func(c *wherry.Context) { text(c); _ = c.JSON(200, 1) }, "Content-Type: application/json\r\n"},
		{"set after text", func(c *wherry.Context) { text(c); c.SetHeader("content-type", "a/b") }, "Content-Type: a/b\r\n"},
		{"set before text", func(c *wherry.Context) { c.SetHeader("content-type", "a/b"); text(c) }, "content-type: text/plain; charset=utf-8\r\n"},
		{"deleted", func(c *wherry.Context) { text(c); c.ResponseHeaders().Del("content-type") }, ""},
		{"its length too", func(c *wherry.Context) { text(c); c.SetHeader("X-Name-Of-14-B", "1") }, "Content-Type: text/plain; charset=utf-8\r\nX-Name-Of-14-B: 1\r\n"},
	} {
		head, _ := wire(t, func(c *wherry.Context) error { test.do(c); return nil }, headRoot)
		_, fields, _ := strings.Cut(head, " GMT\r\n")
		fields, _, _ = strings.Cut(fields, "Content-Length: ")
		require.Equal(t, test.want, fields, test.name)
	}
}

// TestRequestFields: read-only, in order, names in any case.
func TestRequestFields(t *testing.T) {
	raw := "GET / HTTP/1.1\r\nHost: x\r\nB: 1\r\na: 2\r\nb:  3 \r\nEmpty:\r\n\r\n"
	var owned string
	var values []string
	inHandler(t, raw, func(c *wherry.Context) {
		f := c.Headers()
		require.Equal(t, 5, f.Len())
		require.Equal(t, "1", f.Get("b"))
		require.Equal(t, "1", string(f.Bytes("B")))
		require.Nil(t, f.Bytes("none"))
		require.NotNil(t, f.Bytes("empty"))
		require.True(t, f.Has("EMPTY"))
		require.False(t, f.Has("Emp"))
		values = f.Values("B")
		owned = c.Header("a")
		require.Nil(t, c.HeaderBytes("none"))
		require.Equal(t, "2", string(c.HeaderBytes("A")))
		var all []string
		for name, value := range f.All() {
			all = append(all, name+"="+value)
			if name == "a" {
				break
			}
		}
		require.Equal(t, []string{"Host=x", "B=1", "a=2"}, all)
	})
	require.Equal(t, "2", owned)
	require.Equal(t, []string{"1", "3"}, values)
	var none wherry.Fields
	require.Zero(t, none.Len())
	require.Empty(t, none.Get("A"))
	require.False(t, none.Has("A"))
	for range none.All() {
		t.Fatal("there is nothing")
	}
}

// TestOwnedStrings: what handlers kept stays as it was, whatever comes later
// on the same connection.
func TestOwnedStrings(t *testing.T) {
	type kept struct{ method, target, path, param, query, host, field string }
	var all []kept
	app := quiet().Handle("PURGE", "/:id", func(c *wherry.Context) error {
		all = append(all, kept{c.Method(), c.Target(), c.Path(), c.Param("id"), c.RawQuery(), c.Host(), c.Header("X-A")})
		return nil
	})
	raw, want := "", []kept(nil)
	for i := range 50 {
		s := strings.Repeat(string(rune('a'+i%26)), 20)
		raw += "PURGE /" + s + "?" + s + " HTTP/1.1\r\nHost: " + s + "\r\nX-A: " + s + "\r\n\r\n"
		want = append(want, kept{"PURGE", "/" + s + "?" + s, "/" + s, s, s, s, s})
	}
	_, err := app.Test(raw)
	require.NoError(t, err)
	require.Equal(t, want, all)
}
