package http1

import "strconv"

// This file writes: everything is appended to the caller's buffer, nothing is
// kept. The caller has checked names and values with IsToken and
// IsFieldValue.

// LastChunk begins the end of a chunked body; a trailer section and an empty
// line follow.
const LastChunk = "0\r\n"

var reasons = map[int]string{
	100: "Continue", 101: "Switching Protocols", 102: "Processing", 103: "Early Hints",
	200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information", 204: "No Content",
	205: "Reset Content", 206: "Partial Content", 207: "Multi-Status", 208: "Already Reported", 226: "IM Used",
	300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
	305: "Use Proxy", 307: "Temporary Redirect", 308: "Permanent Redirect",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
	409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large",
	414: "URI Too Long", 415: "Unsupported Media Type", 416: "Range Not Satisfiable", 417: "Expectation Failed",
	418: "I'm a teapot", 421: "Misdirected Request", 422: "Unprocessable Content", 423: "Locked",
	424: "Failed Dependency", 425: "Too Early", 426: "Upgrade Required", 428: "Precondition Required",
	429: "Too Many Requests", 431: "Request Header Fields Too Large", 451: "Unavailable For Legal Reasons",
	500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
	504: "Gateway Timeout", 505: "HTTP Version Not Supported", 506: "Variant Also Negotiates",
	507: "Insufficient Storage", 508: "Loop Detected", 510: "Not Extended", 511: "Network Authentication Required",
}

// statusLines holds the status line of each status from 100 to 599.
var statusLines = func() (lines [500]string) {
	for i := range lines {
		lines[i] = "HTTP/1.1 " + strconv.Itoa(i+100) + " " + reasons[i+100] + "\r\n"
	}
	return lines
}()

// ReasonPhrase returns the usual reason phrase of a status, "" for one that
// has none.
func ReasonPhrase(status int) string { return reasons[status] }

// AppendStatusLine appends a status line; the version is the server's, 1.1,
// whatever the client speaks (RFC 9110 section 2.5). A status that is no
// three-digit number becomes 500.
func AppendStatusLine(dst []byte, status int) []byte {
	if i := status - 100; i >= 0 && i < len(statusLines) {
		return append(dst, statusLines[i]...)
	}
	if status >= 600 && status <= 999 {
		return append(strconv.AppendInt(append(dst, "HTTP/1.1 "...), int64(status), 10), " \r\n"...)
	}
	return append(dst, statusLines[400]...)
}

// AppendField appends a field line.
func AppendField(dst []byte, name, value string) []byte {
	at := len(dst)
	dst = extend(dst, len(name)+len(": ")+len(value)+len("\r\n"))
	at += copy(dst[at:], name)
	dst[at], dst[at+1] = ':', ' '
	at += len(": ") + copy(dst[at+len(": "):], value)
	dst[at], dst[at+1] = '\r', '\n'
	return dst
}

// extend makes dst longer by n bytes, whatever they are.
func extend(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		dst = append(dst, make([]byte, n)...)[:len(dst)]
	}
	return dst[:len(dst)+n]
}

// AppendFieldBytes is AppendField for a value that stands in a buffer.
func AppendFieldBytes(dst []byte, name string, value []byte) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// AppendContentLength appends a Content-Length line; n is not negative.
func AppendContentLength(dst []byte, n int64) []byte {
	dst = strconv.AppendInt(append(dst, "Content-Length: "...), n, 10)
	return append(dst, "\r\n"...)
}

// AppendChunkHeader appends the size line of a chunk. Size 0 would be the
// last chunk; the caller sends none that is empty.
func AppendChunkHeader(dst []byte, n int) []byte {
	return append(strconv.AppendInt(dst, int64(n), 16), "\r\n"...)
}
