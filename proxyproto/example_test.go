package proxyproto_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"wherry.example/wherry"
	"wherry.example/wherry/proxyproto"
)

func ExampleNew() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	balancers := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	wrapped, err := proxyproto.New(ln, proxyproto.Options{TrustedProxies: balancers})
	if err != nil {
		fmt.Println(err)
		return
	}
	app := wherry.New().Get("/", func(c *wherry.Context) error {
		return c.Text(200, "hello "+c.RemoteAddr().String())
	})
	go func() { _ = app.Serve(wrapped) }()
	defer func() { _ = app.Shutdown(context.Background()) }()

	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = io.WriteString(conn, "PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\n"+
		"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n")
	answer, _ := io.ReadAll(conn)
	_, body, _ := strings.Cut(string(answer), "\r\n\r\n")
	fmt.Println(body)
	// Output: hello 192.0.2.7:4711
}
