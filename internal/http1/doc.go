// Package http1 turns bytes into HTTP/1.1 messages and back, or says how they
// break the rules: RFC 9112, and the parts of RFC 9110 that it needs. It does
// no I/O, has no clock and no goroutine; whoever calls it owns the bytes.
//
// # What is refused
//
// Where the RFCs allow a choice the stricter one stands, because a proxy in
// front may have chosen the other:
//
//   - lines that end in a bare LF, bare CR, obs-fold, white space before a
//     colon, more than one empty line before a request
//   - control bytes in field values and targets; non-ASCII bytes, '#', '\' and
//     bad percent-encoding in targets
//   - any transfer coding but exactly one "chunked"; Transfer-Encoding beside
//     Content-Length or in HTTP/1.0; repeated or listed Content-Length
//   - a missing, repeated or malformed Host; userinfo in an authority
//   - blanks in chunk-size lines; trailer fields that frame, route or
//     authenticate
//
// # How to read it
//
// head.go reads lines, target.go the target, framing.go decides where a
// request ends, chunked.go and trailer.go read chunked bodies, response.go and
// date.go write. Every refusal is an [Error] that carries its status.
package http1
