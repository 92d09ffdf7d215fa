// Package http1 turns bytes into HTTP/1.1 messages and back, or says how they
// break the rules: RFC 9112, and the parts of RFC 9110 that it needs. It does
// no I/O, has no clock and no goroutine; whoever calls it owns the bytes.
//
// # What is refused
//
// Where the RFCs allow a choice the stricter one stands, because a proxy in
// front may have chosen the other, and two readers who disagree about one byte
// may disagree about where a request ends:
//
//   - a bare LF or CR, obs-fold, white space before a colon, a second empty
//     line before a request, more than one space in a request line
//   - control bytes in field values and targets; non-ASCII bytes, '#', '\',
//     bad percent-encoding and %00 in targets
//   - any transfer coding but exactly one "chunked"; Transfer-Encoding beside
//     Content-Length or in HTTP/1.0; repeated, listed, signed or overflowing
//     Content-Length
//   - a missing, repeated or malformed Host; userinfo in an authority; schemes
//     other than http and https; a target form that does not fit the method
//   - blanks in chunk-size lines, sizes with a prefix or more than 16 digits;
//     trailer fields that frame, route, authenticate or describe the content
//   - methods of more than 24 bytes, and whatever exceeds its limit, while it
//     still arrives
//
// Obs-text in values passes, as do chunk extensions within their bound, an
// empty port, and percent-encoding in a host name.
//
// # How to read it
//
// head.go is what a head knows once it was read; parse.go reads the request
// line, target.go the target, fields.go the field lines. framing.go decides
// where a request ends, chunked.go and trailer.go read chunked bodies,
// response.go and date.go write. grammar.go has what several of them need,
// scan.go and its twin the loops over bytes. Every refusal is an [Error] that
// carries its status.
package http1
