// Tls serves over HTTPS, and redirects there whoever comes in clear. The
// certificate is read again when its files change; without files one is made
// at start that no browser trusts.
//
//	go run ./examples/tls
//	curl -k https://127.0.0.1:8443/                  # -k believes any certificate
//	curl -k -L http://127.0.0.1:8080/                # follows the redirect
//	curl -i -d tea http://127.0.0.1:8080/            # 403: it has crossed the network in clear
//	curl -i http://127.0.0.1:8443/                   # 400: this address speaks TLS
//	curl -i -H 'Host: evil.example' http://127.0.0.1:8080/   # 421: never sent elsewhere
//
// With files:
//
//	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
//		-addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem
//	go run ./examples/tls -cert cert.pem -key key.pem
//	curl --cacert cert.pem https://localhost:8443/   # repeat the line above meanwhile: the next one is served
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/big"
	"net"
	"strings"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/middleware"
	"wherry.example/wherry/secure"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address in clear, which redirects")
	encrypted := flag.String("tls", "127.0.0.1:8443", "address of HTTPS")
	hosts := flag.String("hosts", "localhost,127.0.0.1", "names that are served, with commas between them")
	cert := flag.String("cert", "", "file of the certificate chain, PEM; one is made if there is none")
	key := flag.String("key", "", "file of its key, PEM")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	flag.Parse()

	names := strings.Split(*hosts, ",")
	certificate, err := chooseCertificate(*cert, *key, names)
	if err == nil {
		err = serve(engine.Kind(*kind), *addr, *encrypted, names, certificate)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// certificateFor is what tls.Config.GetCertificate is.
type certificateFor func(*tls.ClientHelloInfo) (*tls.Certificate, error)

func serve(kind engine.Kind, addr, encrypted string, names []string, certificate certificateFor) error {
	under, err := wherry.OpenListener(encrypted)
	if err != nil {
		return err
	}
	port, ok := under.Addr().(*net.TCPAddr)
	if !ok {
		return errors.Join(fmt.Errorf("-tls %s: give HOST:PORT, a redirect needs a port", encrypted), under.Close())
	}
	ln, err := secure.NewListener(under, &tls.Config{GetCertificate: certificate})
	if err != nil {
		return errors.Join(err, under.Close())
	}
	clear, err := wherry.OpenListener(addr)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	log.Printf("https://%v/, and the address in clear leads there", ln.Addr())
	return newApp(names, port.Port, certificate).Engine(kind).ListenOn(clear, ln)
}

func newApp(names []string, port int, certificate certificateFor) *wherry.App {
	app := wherry.New().Use(
		// Once the name is served like this for good, give the option HSTS too.
		middleware.SecureHeaders(),
		middleware.HTTPSRedirect(middleware.HTTPSRedirectOptions{Hosts: names, Port: port}),
	)
	return app.Get("/", func(c *wherry.Context) error {
		state, ok := secure.State(c.Conn().NetConn())
		if !ok {
			return errors.New("the redirect let a request in clear pass")
		}
		current, err := certificate(nil)
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprintf("%s with %s\ncertificate %x, good until %s\n", tls.VersionName(state.Version),
			tls.CipherSuiteName(state.CipherSuite), current.Leaf.SerialNumber, current.Leaf.NotAfter.Format(time.DateTime)))
	})
}

// chooseCertificate follows the files, if there are any, and tells of those
// that cannot be used.
func chooseCertificate(cert, key string, names []string) (certificateFor, error) {
	if cert == "" && key == "" {
		made, err := selfSigned(names)
		return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return made, nil }, err
	}
	if cert == "" || key == "" {
		return nil, errors.New("give both -cert and -key, or neither")
	}
	files, err := secure.Files(cert, key)
	if err != nil {
		return nil, err
	}
	files.OnError(func(err error) { log.Printf("the certificate before stays: %v", err) })
	return files.Get, nil
}

// selfSigned makes a certificate for a trial on this machine.
func selfSigned(names []string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().AddDate(0, 0, 7), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}
