// Upload takes files of a form and writes them to disk while they arrive:
// whatever their size, the server holds one buffer of each. The page shows how
// far they are; it works without scripts as well.
//
//	go run ./examples/upload -max 100000000          # then open http://127.0.0.1:8080/
//	curl -F file=@main.go -F file=@go.mod http://127.0.0.1:8080/files
//	curl -i -F file=@big.iso http://127.0.0.1:8080/files     # 413 beyond -max, before a byte was sent
//	curl -i -F 'note=no file' http://127.0.0.1:8080/files    # 422
//	curl -i -d tea http://127.0.0.1:8080/files               # 415
package main

import (
	"crypto/sha256"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"html"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/middleware"
)

//go:embed page.html
var page string

const maxFiles = 20

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	dir := flag.String("dir", filepath.Join(os.TempDir(), "wherry-upload"), "directory that takes the files; it is made")
	most := flag.Int64("max", 1<<30, "bytes of a form with all its files")
	flag.Parse()

	if err := os.MkdirAll(*dir, 0o700); err != nil {
		log.Fatal(err)
	}
	log.Printf("files go to %s", *dir)
	if err := newApp(*dir, *most).Engine(engine.Kind(*kind)).Listen(*addr); err != nil {
		log.Fatal(err)
	}
}

func newApp(dir string, most int64) *wherry.App {
	app := wherry.New().AfterResponse(middleware.AccessLog(nil)).Use(
		middleware.SecureHeaders(middleware.SecureHeadersOptions{
			ContentSecurityPolicy: "default-src 'self' 'unsafe-inline'; img-src 'none'",
		}),
		middleware.CSRF(), // no other site sends files here
	)
	form := strings.ReplaceAll(page, "{{max}}", fmt.Sprint(most))
	app.Get("/", func(c *wherry.Context) error { return c.HTML(200, form) })
	app.Post("/files", func(c *wherry.Context) error { return receive(c, dir) }, wherry.BodyLimit(most))
	return app
}

// stored is what the client learns of a file.
type stored struct {
	Name   string `json:"name"` // as the client calls it
	ID     string `json:"id"`   // as the directory does
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// receive takes all files of a form, or none.
func receive(c *wherry.Context, dir string) (err error) {
	var files []stored
	defer func() {
		for _, f := range files {
			if err != nil {
				_ = os.Remove(filepath.Join(dir, f.ID))
			}
		}
	}()
	parts, err := c.Multipart()
	if err != nil {
		return err
	}
	for {
		part, err := parts.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if part.FileName == "" {
			continue // a text field, or a file field that was left empty
		}
		if len(files) == maxFiles {
			return wherry.NewError(422, fmt.Sprintf("Send at most %d files at once.", maxFiles))
		}
		f, err := store(part, dir)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return wherry.NewError(422, "Choose a file.")
	}
	return c.Negotiate(201, wherry.Offers{JSON: files, HTML: receipt(files)})
}

// store writes a part to a new file as it comes; one that is cut short does
// not stay. The name that the client has for it is never a path here.
func store(part *wherry.Part, dir string) (stored, error) {
	f, err := os.CreateTemp(dir, "*.upload")
	if err != nil {
		return stored{}, err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), part)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(f.Name())
		if errors.Is(err, syscall.ENOSPC) {
			return stored{}, &wherry.Error{Status: 507, Detail: "The server has no room for this file.", Err: err}
		}
		return stored{}, fmt.Errorf("%s after %d bytes: %w", part.FileName, n, err)
	}
	return stored{part.FileName, filepath.Base(f.Name()), n, fmt.Sprintf("%x", sum.Sum(nil))}, nil
}

// receipt is the answer for a browser without scripts.
func receipt(files []stored) string {
	var list strings.Builder
	for _, f := range files {
		fmt.Fprintf(&list, "<li>%s: %d bytes, SHA-256 <code>%s</code>\n", html.EscapeString(f.Name), f.Bytes, f.SHA256)
	}
	return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Stored</title>
<h1>Stored</h1>
<ul>
` + list.String() + `</ul>
<p><a href="/">Send more</a>
`
}
