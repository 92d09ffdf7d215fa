package http1

import "strconv"

// Error is a refusal: what the peer sent breaks a rule or a limit. Status is
// the status code of the answer; Reason is for logs and never goes on the
// wire.
type Error struct {
	Status int
	Reason string
}

func (e *Error) Error() string { return "http1: " + strconv.Itoa(e.Status) + ": " + e.Reason }

// Refusals of a head. They are values, so that refusing costs nothing.
var (
	errBareLF           = &Error{400, "line ends in a bare LF"}
	errBareCR           = &Error{400, "bare CR"}
	errSecondEmptyLine  = &Error{400, "more than one empty line before the request line"}
	errRequestLine      = &Error{400, "request line ends without a version"}
	errMethod           = &Error{400, "method is no token"}
	errMethodLong       = &Error{501, "method is too long"}
	errVersion          = &Error{400, "malformed version"}
	errVersionMajor     = &Error{505, "major version is not 1"}
	errTarget           = &Error{400, "malformed target"}
	errTargetForm       = &Error{400, "target form does not fit the method"}
	errTargetLong       = &Error{414, "target is too long"}
	errHeadLong         = &Error{431, "head is too long"}
	errFieldLines       = &Error{431, "too many field lines"}
	errFieldName        = &Error{400, "field name is no token"}
	errFieldValue       = &Error{400, "field value has a control byte"}
	errFieldColon       = &Error{400, "field line without a colon"}
	errFold             = &Error{400, "line begins with white space"}
	errHostMissing      = &Error{400, "Host is missing"}
	errHostRepeated     = &Error{400, "Host is repeated"}
	errHost             = &Error{400, "malformed host"}
	errLength           = &Error{400, "malformed Content-Length"}
	errLengthRepeated   = &Error{400, "Content-Length is repeated"}
	errLengthAndCoding  = &Error{400, "Content-Length and Transfer-Encoding"}
	errCoding           = &Error{400, "Transfer-Encoding is not exactly chunked"}
	errCodingUnknown    = &Error{501, "unknown transfer coding"}
	errCodingVersion    = &Error{400, "Transfer-Encoding in HTTP/1.0"}
	errChunkSize        = &Error{400, "malformed chunk size"}
	errChunkSizeLong    = &Error{400, "chunk size overflows"}
	errChunkExtension   = &Error{400, "malformed chunk extension"}
	errChunkExtensions  = &Error{400, "chunk extensions are too long"}
	errChunkEnd         = &Error{400, "chunk data is not followed by CRLF"}
	errTrailerLong      = &Error{431, "trailer section is too long"}
	errTrailerForbidden = &Error{400, "forbidden trailer field"}
)
