// Hello with echo, for the size of a binary and the time to its first answer.
package main

import (
	"log"
	"os"

	"github.com/labstack/echo/v4"
)

func main() {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.GET("/", func(c echo.Context) error { return c.String(200, "Hello, World!") })
	log.Fatal(e.Start(os.Args[1]))
}
