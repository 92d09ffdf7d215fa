// Streams maps the body of a request to the answer while it arrives: nothing
// is held but one buffer, and a slow reader slows the sender down.
//
//	curl -T - http://127.0.0.1:8080/rot13     # type, and read along
package main

import (
	"flag"
	"io"
	"log"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	flag.Parse()

	app := wherry.New().Engine(engine.Kind(*kind))
	for name, f := range map[string]func(byte) byte{"upper": upper, "rot13": rot13} {
		app.Post("/"+name, mapped(f), wherry.BodyLimit(wherry.NoLimit))
		app.Put("/"+name, mapped(f), wherry.BodyLimit(wherry.NoLimit))
	}
	if err := app.Listen(*addr); err != nil {
		log.Fatal(err)
	}
}

// mapped answers with each byte of the body changed by f.
func mapped(f func(byte) byte) wherry.Handler {
	return func(c *wherry.Context) error {
		c.SetHeader(wherry.HeaderContentType, "application/octet-stream")
		buf := make([]byte, 32<<10)
		for {
			n, err := c.Body().Read(buf)
			for i, b := range buf[:n] {
				buf[i] = f(b)
			}
			if _, failed := c.Write(buf[:n]); failed != nil {
				return failed
			}
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := c.Flush(); err != nil {
				return err
			}
		}
	}
}

func upper(b byte) byte {
	if 'a' <= b && b <= 'z' {
		b -= 'a' - 'A'
	}
	return b
}

func rot13(b byte) byte {
	switch {
	case 'a' <= b && b <= 'z':
		return 'a' + (b-'a'+13)%26
	case 'A' <= b && b <= 'Z':
		return 'A' + (b-'A'+13)%26
	}
	return b
}
