// Hello with wherry, for the size of a binary and the time to its first answer.
package main

import (
	"log"
	"os"

	"wherry.example/wherry"
)

func main() {
	app := wherry.New()
	app.Get("/", func(c *wherry.Context) error { return c.Text(200, "Hello, World!") })
	if err := app.Listen(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}
