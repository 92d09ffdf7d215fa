package wherry

import (
	"net"

	"wherry.example/wherry/engine"
)

// wire is what carries one exchange: where its content comes from and where
// its answer goes. A Context knows nothing else of the outside, so the app
// can answer an exchange that comes from no connection of its own. The HTTP/1
// wire is *exchange.
//
// All methods are called on the goroutine that runs the handler, except that
// stop may be called later and gone comes from elsewhere.
type wire interface {
	// readBody reads decoded content; io.EOF at its end, an *Error when the
	// peer broke the rules, stalled, or left. It does not know the limit.
	readBody(p []byte) (int, error)
	// trailers returns the trailer section once readBody has said io.EOF.
	trailers() Fields
	// begin sends the head of the answer; length is that of the content that
	// follows, -1 if it is not known yet.
	begin(c *Context, length int64) error
	// send sends content; p is not kept. Framing is the wire's.
	send(p []byte) error
	sendString(s string) error
	// flush lets everything sent so far leave.
	flush() error
	// end completes the answer after its last content.
	end(c *Context) error
	// interim sends an interim response, if this peer can take one.
	interim(status int, fields *Headers) error
	// cut makes the answer end without looking complete.
	cut()
	// hijack gives the connection away, with the bytes read ahead.
	hijack() (net.Conn, []byte, error)
	// watch calls gone at most once when the peer leaves, until stop.
	watch(gone func()) (stop func())
	// yielder lets other exchanges go on that wait for this goroutine; nil
	// where none ever does.
	yielder() engine.Yielder
	// peer returns the connection as hooks see it.
	peer() *Conn
}
