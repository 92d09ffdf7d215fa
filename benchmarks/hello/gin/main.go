// Hello with gin, for the size of a binary and the time to its first answer.
package main

import (
	"log"
	"os"

	"github.com/gin-gonic/gin"
)

func main() {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.GET("/", func(c *gin.Context) { c.String(200, "Hello, World!") })
	log.Fatal(r.Run(os.Args[1]))
}
