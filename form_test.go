package wherry

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

type contact struct {
	Name  string   `form:"name,required"`
	Age   *int     `form:"age"`
	Tags  []string `form:"tag"`
	Admin bool
}

var formCases = []struct {
	name, body string
	want       contact
	status     int
}{
	{"plain", "name=ann", contact{Name: "ann"}, 0},
	{"decoded", "n%61me=a+b%2B%C3%A9", contact{Name: "a b+é"}, 0},
	{"list", "tag=1&name=x&tag=2", contact{Name: "x", Tags: []string{"1", "2"}}, 0},
	{"empty pairs", "&&name=x&", contact{Name: "x"}, 0},
	{"untagged", "name=x&Admin=true&admin=true", contact{Name: "x"}, 0},
	{"missing", "tag=1", contact{}, 400},
	{"twice", "name=x&name=y", contact{}, 400},
	{"wrong", "name=x&age=y", contact{}, 400},
	{"bad percent in a value", "name=%zz", contact{}, 400},
	{"bad percent in a name", "name=x&%=1", contact{}, 400},
	{"cut percent", "name=%4", contact{}, 400},
	{"not UTF-8 in a value", "name=%ff", contact{}, 400},
	{"not UTF-8 in a name", "name=x&\xff=1", contact{}, 400},
	{"index", "name=x&tag[99999999]=1&tag.0=1&tag%5B%5D=1", contact{Name: "x"}, 0},
	{"too many pairs", "name=x" + strings.Repeat("&a=1", 1000), contact{}, 413},
	{"as many as allowed", "name=x" + strings.Repeat("&a=1", 999), contact{Name: "x"}, 0},
}

func TestBindForm(t *testing.T) {
	for _, tt := range formCases {
		t.Run(tt.name, func(t *testing.T) {
			got, err := bound(t, Bind[contact], request("POST", "/7?name=query", tt.body, asForm))
			if tt.status != 0 {
				require.Equal(t, tt.status, StatusOf(err), "%v", err)
				require.Zero(t, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

// A form tag must not open a way for JSON, which would go by the Go name.
func TestBindFormOnlyFromForms(t *testing.T) {
	_, err := bound(t, Bind[contact], request("POST", "/7", `{"Name":"x","Admin":true}`, asJSON))
	require.Equal(t, 415, StatusOf(err))
	require.ErrorContains(t, err, "must be a form")
	_, err = bound(t, Bind[contact], request("POST", "/7", "name=x", asForm+"; charset=iso-8859-1"))
	require.Equal(t, 415, StatusOf(err))
	_, err = bound(t, Bind[contact], request("POST", "/7", "name=x", asForm+"; charset=utf-8"))
	require.NoError(t, err)
	_, err = bound(t, Bind[rule], request("POST", "/7", "x", "Content-Type: text/plain"))
	require.ErrorContains(t, err, "must be application/json or a form")
}

func TestBindFormOrJSON(t *testing.T) {
	for _, raw := range []string{request("POST", "/7", "low=1&high=2", asForm), request("POST", "/7", `{"low":1,"high":2}`, asJSON)} {
		got, err := bound(t, Bind[rule], raw)
		require.NoError(t, err)
		require.Equal(t, rule{1, 2}, got)
	}
	type in struct {
		ID   int   `path:"id"`
		Rule *rule `body:""`
	}
	got, err := bound(t, Bind[in], request("POST", "/7", "low=1&high=2", asForm))
	require.NoError(t, err)
	require.Equal(t, in{7, &rule{1, 2}}, got)
}

// form is a multipart body, part by part.
type form struct {
	bytes.Buffer
	*multipart.Writer
}

func newForm() *form {
	f := &form{}
	f.Writer = multipart.NewWriter(&f.Buffer)
	return f
}

func (f *form) add(disposition, content string, lines ...string) *form {
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", disposition)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	w, _ := f.CreatePart(h)
	_, _ = io.WriteString(w, content)
	return f
}

func (f *form) value(name, content string) *form {
	return f.add(fmt.Sprintf(`form-data; name="%s"`, name), content)
}

func (f *form) file(name, file, content string) *form {
	return f.add(fmt.Sprintf(`form-data; name="%s"; filename="%s"`, name, file), content, "Content-Type: image/png")
}

func (f *form) contentType() string { return "Content-Type: " + f.FormDataContentType() }

func (f *form) request() string {
	_ = f.Close()
	return request("POST", "/7", f.String(), f.contentType())
}

func TestBindMultipart(t *testing.T) {
	got, err := bound(t, Bind[contact], newForm().value("tag", "1").file("avatar", "a.png", strings.Repeat("x", 9000)).
		value("name", "ann=é&").value("tag", "2").request())
	require.NoError(t, err)
	require.Equal(t, contact{Name: "ann=é&", Tags: []string{"1", "2"}}, got)

	_, err = bound(t, Bind[contact], newForm().value("name", "\xff").request())
	require.Equal(t, 400, StatusOf(err))
	_, err = bound(t, Bind[contact], newForm().value("name", strings.Repeat("x", maxFormValue)).request())
	require.NoError(t, err)
	_, err = bound(t, Bind[contact], newForm().value("name", strings.Repeat("x", maxFormValue+1)).request())
	require.Equal(t, 413, StatusOf(err))
	many := newForm()
	for range maxParts + 1 {
		many.value("tag", "")
	}
	_, err = bound(t, Bind[contact], many.request())
	require.Equal(t, 413, StatusOf(err))
	cut := newForm().value("name", "ann")
	_, err = bound(t, Bind[contact], request("POST", "/7", cut.String(), cut.contentType()))
	require.Equal(t, 400, StatusOf(err))
}

type upload struct {
	Title string `form:"title,required"`
	File  *Part  `form:"file"`
}

func TestBindFile(t *testing.T) {
	content := strings.Repeat("0123456789", 5000)
	within(t, "/:id", newForm().value("title", "t").file("other", "o.png", "zzz").file("file", `C:\up\a.png`, content).request(), func(c *Context) {
		in, err := Bind[upload](c)
		require.NoError(t, err)
		require.Equal(t, "t", in.Title)
		require.Equal(t, "a.png", in.File.FileName)
		require.Equal(t, "image/png", in.File.ContentType)
		for range 2 { // the end stays the end
			got, err := io.ReadAll(in.File)
			require.NoError(t, err)
			require.Equal(t, content, string(got))
			content = ""
		}
	})
}

// A limit that was raised for a file is none for what is kept in memory.
func TestFormValuesAreBounded(t *testing.T) {
	post := func(raw string) (err error) {
		app := New().Post("/:id", func(c *Context) error {
			_, err = Bind[struct {
				Title []string `form:"title"`
				File  *Part    `form:"file"`
			}](c)
			return err
		}, BodyLimit(NoLimit))
		_, failed := app.Test(raw)
		require.NoError(t, failed)
		return err
	}
	fits, over := newForm(), newForm()
	for range maxFormBytes/maxFormValue - 1 {
		fits.value("title", strings.Repeat("x", maxFormValue))
		over.value("title", strings.Repeat("x", maxFormValue))
	}
	require.NoError(t, post(fits.value("title", "x").file("other", "x", strings.Repeat("x", maxFormValue)).file("file", "x", strings.Repeat("x", maxFormValue)).request()))
	require.Equal(t, errFormBytes, post(over.value("title", strings.Repeat("x", maxFormValue)).request()))

	require.NoError(t, post(request("POST", "/7", "title="+strings.Repeat("x", maxFormBytes-10), asForm)))
	require.Equal(t, 413, StatusOf(post(request("POST", "/7", "title="+strings.Repeat("x", maxFormBytes), asForm))))
}

// TestFormWithoutFile: the values of a form that cannot have a file are
// bounded by the limit of the body alone, in either format.
func TestFormWithoutFile(t *testing.T) {
	form := newForm()
	for range maxFormBytes/maxFormValue + 2 {
		form.value("v", strings.Repeat("x", maxFormValue))
	}
	app := New().Post("/7", func(c *Context) error {
		got, err := Bind[struct {
			V []string `form:"v"`
		}](c)
		if err != nil {
			return err
		}
		return c.JSON(200, len(got.V))
	}, BodyLimit(2*maxFormBytes))
	answers, err := app.Test(form.request())
	require.NoError(t, err)
	require.Equal(t, "200 10", fmt.Sprintf("%d %s", answers[0].Status, answers[0].Body))
}

func TestBindFileMustBeLast(t *testing.T) {
	within(t, "/:id", newForm().value("title", "t").file("file", "a.png", "abc").value("late", "x").request(), func(c *Context) {
		in, err := Bind[upload](c)
		require.NoError(t, err)
		for range 2 {
			_, err = io.ReadAll(in.File)
			require.Equal(t, 400, StatusOf(err))
			require.ErrorContains(t, err, "last part")
		}
	})
	_, err := bound(t, Bind[upload], newForm().file("file", "a.png", "abc").value("title", "t").request())
	requireProblem(t, err, 400, "title", "is missing")
	within(t, "/:id", strings.Replace(newForm().value("title", "t").file("file", "a.png", "abc").request(), "abc\r\n--", "abc\r\n-+", 1), func(c *Context) {
		in, err := Bind[upload](c)
		require.NoError(t, err)
		_, err = io.ReadAll(in.File)
		require.Equal(t, 400, StatusOf(err), "cut within the file")
	})
}

func TestBindFileMissing(t *testing.T) {
	// Browsers send an empty part with an empty name for no file.
	got, err := bound(t, Bind[upload], newForm().value("title", "t").file("file", "", "").request())
	require.NoError(t, err)
	require.Nil(t, got.File)
	type in struct {
		File *Part `form:"file,required"`
	}
	_, err = bound(t, Bind[in], newForm().value("title", "t").request())
	requireProblem(t, err, 400, "file", "is missing")
	_, err = bound(t, Bind[in], request("POST", "/7", "file=x", asForm))
	requireProblem(t, err, 400, "file", "is missing")
	_, err = bound(t, Bind[in], request("POST", "/7", "{}", asJSON))
	require.Equal(t, 415, StatusOf(err))
}

func TestMultipart(t *testing.T) {
	within(t, "/:id", newForm().value("a", "1").file("f", "x.png", strings.Repeat("y", 70000)).value("b", "2").request(), func(c *Context) {
		parts, err := c.Multipart()
		require.NoError(t, err)
		var seen []string
		for {
			part, err := parts.Next() // what is unread is skipped
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			seen = append(seen, part.Name+"|"+part.FileName+"|"+part.ContentType)
			if part.Name == "b" {
				content, err := io.ReadAll(part)
				require.NoError(t, err)
				require.Equal(t, "2", string(content))
			}
		}
		require.Equal(t, []string{"a||", "f|x.png|image/png", "b||"}, seen)
		_, err = parts.Next()
		require.Equal(t, io.EOF, err)
	})
}

// partsOf reads all parts and returns the first error but io.EOF.
func partsOf(t *testing.T, raw string) (names []string, err error) {
	t.Helper()
	within(t, "/:id", raw, func(c *Context) {
		parts, problem := c.Multipart()
		if err = problem; err != nil {
			return
		}
		for err == nil {
			var part *Part
			if part, err = parts.Next(); err == nil {
				names = append(names, part.Name)
				_, err = io.Copy(io.Discard, part)
			}
		}
		_, again := parts.Next()
		if len(names) == 0 || again == io.EOF {
			require.Equal(t, err, again, "an end stays")
		}
	})
	if err == io.EOF {
		return names, nil
	}
	return names, err
}

func TestMultipartRefuses(t *testing.T) {
	const boundary = "Content-Type: multipart/form-data; boundary=b"
	const part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
	for _, tt := range []struct {
		name, line, body string
		status           int
	}{
		{"good", boundary, part + "--b--\r\n", 0},
		{"no line end behind the last boundary", boundary, part + "--b--", 0},
		{"preamble and epilogue", boundary, "x\r\n" + part + "--b--\r\ny", 0},
		{"quoted boundary", `Content-Type: multipart/form-data; boundary="b"`, part + "--b--\r\n", 0},
		{"other type", "Content-Type: multipart/mixed; boundary=b", part + "--b--\r\n", 415},
		{"no boundary", "Content-Type: multipart/form-data", part + "--b--\r\n", 400},
		{"empty boundary", `Content-Type: multipart/form-data; boundary=""`, part + "--b--\r\n", 400},
		{"two boundaries", boundary + "; boundary=c", part + "--b--\r\n", 400},
		{"long boundary", "Content-Type: multipart/form-data; boundary=" + strings.Repeat("b", 71),
			strings.ReplaceAll(part+"--b--", "--b", "--"+strings.Repeat("b", 71)), 400},
		{"odd boundary", `Content-Type: multipart/form-data; boundary="b\"<"`, part, 400},
		{"blank at the end of the boundary", `Content-Type: multipart/form-data; boundary="b "`, part, 400},
		{"no last boundary", boundary, part, 400},
		{"cut in a content", boundary, part[:len(part)-2], 400},
		{"cut in a head", boundary, part + "--b\r\nContent-Disposition: form-data; name=\"z\"", 400},
		{"cut behind a head", boundary, part + "--b\r\nContent-Disposition: form-data; name=\"z\"\r\n", 400},
		{"nothing", boundary, "\r\n", 400},
		{"no name", boundary, "--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--", 400},
		{"no disposition", boundary, "--b\r\nA: b\r\n\r\n1\r\n--b--", 400},
		{"other disposition", boundary, "--b\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n1\r\n--b--", 400},
		{"two dispositions", boundary, "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\n1\r\n--b--", 400},
		{"name that is not UTF-8", boundary, "--b\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\n1\r\n--b--", 400},
		{"encoded name that is not UTF-8", boundary, "--b\r\nContent-Disposition: form-data; name*=utf-8''%ff\r\n\r\n1\r\n--b--", 400},
		{"two names", boundary, "--b\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n1\r\n--b--", 400},
		{"head of a part as allowed", boundary, "--b\r\nA: " + strings.Repeat("x", maxPartHead-100) + "\r\n" + part[5:] + "--b--", 0},
		{"head of a part", boundary, "--b\r\nA: " + strings.Repeat("x", maxPartHead) + "\r\n" + part[5:] + "--b--", 400},
		{"preamble", boundary, strings.Repeat("x\r\n", maxPartHead) + part + "--b--", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			names, err := partsOf(t, request("POST", "/7", tt.body, tt.line))
			if tt.status == 0 {
				require.NoError(t, err)
				require.Equal(t, []string{"a"}, names)
				return
			}
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tt.status, e.Status)
		})
	}
}

func TestValidBoundary(t *testing.T) {
	for boundary, want := range map[string]bool{
		"b": true, "----WebKitFormBoundaryAz09": true, "'()+_,-./:=?": true, "a b": true, strings.Repeat("b", 70): true,
		"": false, strings.Repeat("b", 71): false, "b ": false, "b\"": false, "b\n": false, "b<": false, "\xe9": false, "[b]": false, "@": false,
	} {
		require.Equal(t, want, validBoundary(boundary), "%q", boundary)
	}
}

// The body's own limit holds, and its error comes through.
func TestMultipartTooLarge(t *testing.T) {
	f := newForm().file("f", "x", strings.Repeat("x", 90000))
	_ = f.Close()
	app := New().Post("/", func(c *Context) error {
		parts, err := c.Multipart()
		if err != nil {
			return err
		}
		for err == nil {
			_, err = parts.Next()
		}
		return err
	}, BodyLimit(50000))
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", f.Len(), f.String())
	answers, err := app.Test(request("POST", "/", "", f.contentType(), "Transfer-Encoding: chunked") + chunked)
	require.NoError(t, err)
	require.Equal(t, 413, answers[0].Status)
}

// CVE-2020-36565, CVE-2026-25766 and others: names with separators of either
// kind; and control bytes, CVE-2023-29401.
func TestCleanFileName(t *testing.T) {
	for name, want := range map[string]string{
		"":                      "",
		"a.txt":                 "a.txt",
		"../../etc/passwd":      "passwd",
		`..\..\boot.ini`:        "boot.ini",
		`C:\fakepath\é.png`:     "é.png",
		`a/b\c/d.txt`:           "d.txt",
		"..":                    "_",
		".":                     "_",
		"a/":                    "_",
		"a/..":                  "_",
		"a\x00b\r\n\x7fc\u0085": "abc",
		"\x01":                  "_",
		"\x01..":                "_",
		"txt.\u202egnp":         "txt.gnp",
		"a\xffb":                "ab",
		".htaccess":             ".htaccess",
	} {
		require.Equal(t, want, cleanFileName(name), "%q", name)
	}
}

func TestFileNameFromTheWire(t *testing.T) {
	within(t, "/:id", newForm().file("f", `..\..\x/..\evil.txt`, "").request(), func(c *Context) {
		parts, err := c.Multipart()
		require.NoError(t, err)
		part, err := parts.Next()
		require.NoError(t, err)
		require.Equal(t, "evil.txt", part.FileName)
	})
}

func FuzzForm(f *testing.F) {
	for _, tt := range formCases {
		f.Add(tt.body[:min(len(tt.body), 100)])
	}
	f.Fuzz(func(t *testing.T, body string) {
		ours, err := parseForm([]byte(body))
		if err != nil {
			return
		}
		for name, values := range ours {
			require.True(t, utf8.ValidString(name) && utf8.ValidString(strings.Join(values, "")))
		}
		theirs, err := url.ParseQuery(body)
		if strings.Contains(body, ";") { // that is no separator for us, and a mistake for url
			return
		}
		require.NoError(t, err, "%q", body)
		require.Equal(t, map[string][]string(theirs), ours, "%q", body)
	})
}

func TestFormAcceptsWhatOthersDo(t *testing.T) {
	for _, tt := range formCases {
		if tt.status == 413 {
			continue
		}
		theirs, err := url.ParseQuery(tt.body)
		ours, ourErr := parseForm([]byte(tt.body))
		if err != nil || !utf8.ValidString(fmt.Sprint(theirs)) {
			require.Error(t, ourErr, tt.name)
			continue
		}
		require.NoError(t, ourErr, tt.name)
		require.Equal(t, map[string][]string(theirs), ours, tt.name)
	}
}
