//go:build !purego

package http1

// This file reads the request lines that nearly all requests have in one go:
// GET or POST, a path and a query without anything special, HTTP/1.1. All others
// are left to the readers of parse.go, which read these as well, when they come
// in pieces: FuzzHead holds the two equal. Instructions for "GET / HTTP/1.1",
// counted with callgrind: 340 by the readers, 120 here.

const (
	wordGet  = 'G' | 'E'<<8 | 'T'<<16 | ' '<<24
	wordPost = 'P' | 'O'<<8 | 'S'<<16 | 'T'<<24 | ' '<<32
)

// quickLine reads a whole request line, or nothing of it.
func (h *Head) quickLine(buf []byte, lim *Limits) bool {
	if len(buf) < len("GET / ")+len(version11) {
		return false
	}
	method, start := MethodGet, len("GET ")
	if w := word(buf, 0); w&(1<<32-1) != wordGet {
		if w&(1<<40-1) != wordPost {
			return false
		}
		method, start = MethodPost, len("POST ")
	}
	if buf[start] != '/' {
		return false
	}
	path := targetEnd(buf, start)
	end := path
	if path < len(buf) && buf[path] == '?' {
		end = targetEnd(buf, path+1)
	}
	next := end + 1 + len(version11)
	if end-start > lim.TargetBytes || next > len(buf) || buf[end] != ' ' || string(buf[end+1:next]) != version11 {
		return false
	}
	h.Method, h.Form, h.Minor = method, OriginForm, 1
	h.method = span{0, uint32(start - 1)}
	h.target = span{uint32(start), uint32(end)}
	h.path = span{uint32(start), uint32(path)}
	if h.hasQuery = end > path; h.hasQuery {
		h.query = span{uint32(path + 1), uint32(end)}
	}
	h.fields.begin(next)
	h.stage = stageFields
	return true
}
