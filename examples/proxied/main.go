// Proxied says what it believes about where a request came from. Connections
// from -balancers begin with a PROXY header, which tells the peer, and perhaps
// that it has come over TLS. If that peer is one of -proxies, its Forwarded
// field tells the client and the scheme.
// Nobody else is believed, and who is no balancer is not served.
//
//	go run ./examples/proxied
//	curl --haproxy-protocol http://127.0.0.1:8080/
//	curl --haproxy-protocol -H 'Forwarded: for=192.0.2.60;proto=https' http://127.0.0.1:8080/
//	curl http://127.0.0.1:8080/                      # closed: no header
//
// A peer that is no proxy may write what it likes, and stays who it is:
//
//	{ printf 'PROXY TCP4 192.0.2.7 198.51.100.1 5000 80\r\n'
//	  printf 'GET / HTTP/1.0\r\nHost: x\r\nForwarded: for=203.0.113.9\r\n\r\n'; sleep 1
//	} | curl -s telnet://127.0.0.1:8080
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"net/netip"
	"strings"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/middleware"
	"wherry.example/wherry/proxyproto"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	balancers := flag.String("balancers", "127.0.0.0/8,::1/128", "networks whose connections begin with a PROXY header")
	proxies := flag.String("proxies", "127.0.0.0/8,::1/128", "networks whose Forwarded field is believed, without clients in them; empty for none")
	flag.Parse()

	if err := run(*addr, engine.Kind(*kind), *balancers, *proxies); err != nil {
		log.Fatal(err)
	}
}

func run(addr string, kind engine.Kind, balancers, proxies string) error {
	speakers, err := networks("balancers", balancers)
	if err != nil {
		return err
	}
	believed, err := networks("proxies", proxies)
	if err != nil {
		return err
	}
	under, err := wherry.OpenListener(addr)
	if err != nil {
		return err
	}
	ln, err := proxyproto.New(under, proxyproto.Options{TrustedProxies: speakers})
	if err != nil {
		return errors.Join(err, under.Close())
	}
	return newApp(believed).Engine(kind).ListenOn(ln)
}

func newApp(proxies []netip.Prefix) *wherry.App {
	app := wherry.New()
	if len(proxies) > 0 { // else the peer is the client
		app.Use(middleware.ClientIP(middleware.ClientIPOptions{
			TrustedProxies: proxies,
			Field:          wherry.HeaderForwarded, // they add to it, and pass nothing on that they have not checked
		}))
	}
	app.OnDisconnect(func(c *wherry.Conn, cause error) {
		if errors.Is(cause, proxyproto.ErrHeader) {
			log.Printf("a balancer sent no header that can be read: %v", cause)
		}
	})
	return app.Get("/", believe)
}

// believe answers with what is believed, and with what was said.
func believe(c *wherry.Context) error {
	var b strings.Builder
	fmt.Fprintf(&b, "client     %v\n", middleware.ClientIPOf(c)) // for limits, logs, and whoever asks who it was
	fmt.Fprintf(&b, "scheme     %s\n", middleware.SchemeOf(c))
	fmt.Fprintf(&b, "peer       %v\n", c.RemoteAddr()) // as the balancer tells it
	switch h, ok := proxyproto.HeaderOf(c.Conn().NetConn()); {
	case !ok:
		fmt.Fprintf(&b, "PROXY      none\n")
	case h.Source == nil:
		fmt.Fprintf(&b, "PROXY      version %d, the balancer asks for itself\n", h.Version)
	default:
		fmt.Fprintf(&b, "PROXY      version %d, from %v to %v, over TLS %v\n", h.Version, h.Source, h.Destination, h.Encrypted)
	}
	for _, line := range c.Headers().Values(wherry.HeaderForwarded) {
		fmt.Fprintf(&b, "Forwarded  %q\n", line)
	}
	return c.Text(200, b.String())
}

// networks reads a list with commas.
func networks(name, list string) (all []netip.Prefix, err error) {
	for text := range strings.SplitSeq(list, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("-%s: %w", name, err)
		}
		all = append(all, network)
	}
	return all, nil
}
