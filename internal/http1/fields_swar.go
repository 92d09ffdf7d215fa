//go:build !purego

package http1

// This file reads the field lines that nearly all requests have in one go: a
// name of letters and hyphens, a colon and one space, a value of plain text
// without white space at its ends. All others are left to read of fields.go, which
// reads these as well, when they come in pieces: FuzzHead holds the two equal.

// quickFields reads lines as long as they are of that kind; done tells that next
// is behind the empty line that ends the section. The reader stands at the
// beginning of a line, and so it does afterwards.
func (r *fieldReader) quickFields(buf []byte, maxLines int) (done bool) {
	start := int(r.line)
	for len(r.lines) < maxLines {
		if start < len(buf)-1 && pair(buf, start) == pairCRLF {
			start, done = start+len("\r\n"), true
			break
		}
		colon, end := quickField(buf, start)
		if end == 0 {
			break
		}
		r.lines = append(r.lines, fieldLine{span{uint32(start), uint32(colon)}, span{uint32(colon + len(": ")), uint32(end)}})
		start = end + len("\r\n")
	}
	r.line, r.next = uint32(start), uint32(start)
	return done
}

// quickField returns where the name and the value end of the line that begins
// at start; zeros if the line is of another kind, or not there as a whole. It
// stands alone because what calls nothing keeps everything in registers.
func quickField(b []byte, start int) (colon, end int) {
	i := start
	for {
		if i >= len(b)-7 {
			return 0, 0
		}
		if stop := notNameLike(word(b, i)); stop != 0 {
			colon = i + first(stop)
			break
		}
		i += 8
	}
	i = colon + len(": ")
	if i >= len(b) || colon == start || pair(b, colon) != pairColon || b[i] <= ' ' {
		return 0, 0
	}
	for {
		if i >= len(b)-15 {
			end = plainValueEnd(b, i)
			break
		}
		one, two := notText(word(b, i)), notText(word(b, i+8))
		if (one|two)&highs == 0 {
			i += 16
			continue
		}
		if one &= highs; one != 0 {
			end = i + first(one)
		} else {
			end = i + 8 + first(two&highs)
		}
		break
	}
	if end >= len(b)-1 || pair(b, end) != pairCRLF || b[end-1] <= ' ' {
		return 0, 0
	}
	return colon, end
}
