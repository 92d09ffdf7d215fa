// Hello with hertz, for the size of a binary and the time to its first answer.
package main

import (
	"context"
	"os"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/server"
)

func main() {
	h := server.Default(server.WithHostPorts(os.Args[1]))
	h.GET("/", func(_ context.Context, c *app.RequestContext) { c.String(200, "Hello, World!") })
	h.Spin()
}
