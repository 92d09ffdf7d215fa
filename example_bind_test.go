package wherry_test

import (
	"context"
	"errors"
	"fmt"
	"io"

	"wherry.example/wherry"
)

// show prints the first answer to a request.
func show(app *wherry.App, raw string) {
	answers, err := app.Test(raw)
	if err != nil || len(answers) == 0 {
		fmt.Println("no answer:", err)
		return
	}
	fmt.Println(answers[0].Status, string(answers[0].Body))
}

func ExampleParam() {
	app := wherry.New().Get("/users/:id", func(c *wherry.Context) error {
		id, err := wherry.Param[int](c, "id")
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprint("user ", id))
	})
	show(app, "GET /users/42 HTTP/1.1\r\nHost: x\r\n\r\n")
	show(app, "GET /users/me HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n\r\n")
	// Output:
	// 200 user 42
	// 400 Bad Request: The parameter id must be an integer.
}

func ExampleQuery() {
	app := wherry.New().Get("/", func(c *wherry.Context) error {
		tags, err := wherry.Query[[]string](c, "tag")
		if err != nil {
			return err
		}
		page, err := wherry.QueryOr(c, "page", 1)
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprint(tags, " page ", page))
	})
	show(app, "GET /?tag=go&tag=http HTTP/1.1\r\nHost: x\r\n\r\n")
	show(app, "GET /?page=2 HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n\r\n")
	// Output:
	// 200 [go http] page 1
	// 400 Bad Request: The parameter tag is missing.
}

func ExampleBind() {
	type item struct {
		Title string `json:"title"`
	}
	type update struct {
		ID     int    `path:"id"`
		Notify bool   `query:"notify"`
		Trace  string `header:"X-Trace"`
		Item   item   `body:""`
	}
	app := wherry.New().Put("/items/:id", func(c *wherry.Context) error {
		in, err := wherry.Bind[update](c)
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprintf("%+v", in))
	})
	show(app, "PUT /items/7?notify=true HTTP/1.1\r\nHost: x\r\nX-Trace: t1\r\n"+
		"Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"title\":\"tea\"}")
	// Output:
	// 200 {ID:7 Notify:true Trace:t1 Item:{Title:tea}}
}

func ExampleTyped() {
	type in struct {
		Name string `query:"name,required"`
	}
	type out struct {
		Hello string `json:"hello"`
	}
	app := wherry.New().Get("/", wherry.Typed(func(_ context.Context, in in) (out, error) {
		return out{in.Name}, nil
	}))
	show(app, "GET /?name=ann HTTP/1.1\r\nHost: x\r\n\r\n")
	show(app, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	// Output:
	// 200 {"hello":"ann"}
	// 400 {"title":"Bad Request","status":400,"detail":"The parameter name is missing.","errors":[{"parameter":"name","detail":"is missing"}]}
}

func ExampleContext_SetCookie() {
	app := wherry.New().Get("/", func(c *wherry.Context) error {
		err := c.SetCookie(wherry.Cookie{Name: "__Host-session", Value: "a1b2", HTTPOnly: true})
		fmt.Println(err)
		err = c.SetCookie(wherry.Cookie{Name: "__Host-session", Value: "a1b2", HTTPOnly: true, Secure: true})
		if err != nil {
			return err
		}
		return c.Text(200, c.ResponseHeaders().Get("Set-Cookie"))
	})
	show(app, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	// Output:
	// wherry: cookie "__Host-session": the prefix of its name needs Secure
	// 200 __Host-session=a1b2; Path=/; Secure; HttpOnly; SameSite=Lax
}

func ExampleContext_Negotiate() {
	app := wherry.New().Get("/", func(c *wherry.Context) error {
		return c.Negotiate(200, wherry.Offers{JSON: []int{1, 2}, HTML: "<ol><li>1<li>2</ol>", Text: "1, 2"})
	})
	show(app, "GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html, */*;q=0.1\r\n\r\n")
	show(app, "GET / HTTP/1.1\r\nHost: x\r\nAccept: text/*;q=0.5, text/html;q=0\r\n\r\n")
	show(app, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	// Output:
	// 200 <ol><li>1<li>2</ol>
	// 200 1, 2
	// 200 [1,2]
}

func ExampleContext_Multipart() {
	app := wherry.New().Post("/", func(c *wherry.Context) error {
		parts, err := c.Multipart()
		if err != nil {
			return err
		}
		for {
			part, err := parts.Next()
			if errors.Is(err, io.EOF) {
				return c.NoContent()
			}
			if err != nil {
				return err
			}
			n, err := io.Copy(io.Discard, part) // to where the program keeps it, under a name of its own
			if err != nil {
				return err
			}
			fmt.Printf("%s, file %q, %d bytes\n", part.Name, part.FileName, n)
		}
	})
	body := "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\ntea\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"../../tea.png\"\r\n\r\n....\r\n--b--\r\n"
	show(app, fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	// Output:
	// title, file "", 3 bytes
	// photo, file "tea.png", 4 bytes
	// 204
}

func ExampleKey() {
	user := wherry.NewKey[string]("user")
	app := wherry.New().Use(func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			user.Set(c, "ann")
			return next(c)
		}
	}).Get("/", func(c *wherry.Context) error {
		name, _ := user.Get(c)
		return c.Text(200, "hello "+name)
	})
	show(app, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	// Output:
	// 200 hello ann
}
