package static

import "strings"

// Attachment returns a Content-Disposition (RFC 6266) that has browsers save
// the answer under a name, and not show it:
//
//	c.SetHeader(wherry.HeaderContentDisposition, static.Attachment("Übersicht 2026.pdf"))
//
// The name may come from anywhere: what would end the field or name a folder
// becomes an underscore. One that is not plain ASCII is sent twice, in the form
// of RFC 8187 and for old clients with underscores. Without a name the browser
// finds one.
func Attachment(name string) string {
	if name == "" {
		return "attachment"
	}
	name = strings.Map(safe, strings.ToValidUTF8(name, "_"))
	plain := strings.Map(plainly, name)
	value := `attachment; filename="` + plain + `"`
	if plain == name {
		return value
	}
	return value + "; filename*=UTF-8''" + extended(name)
}

// safe replaces control characters, and what divides folders on some system.
func safe(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 || r == '/' || r == '\\' {
		return '_'
	}
	return r
}

// plainly replaces what clients that know only filename read in different
// ways: quotes, percent signs and what is not ASCII (RFC 6266 appendix D).
func plainly(r rune) rune {
	if r == '"' || r == '%' || r > '~' {
		return '_'
	}
	return r
}

// extended encodes a name as the value of filename*, RFC 8187 section 3.2.1.
func extended(name string) string {
	const attrChar = "!#$&+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(name) {
		if strings.IndexByte(attrChar, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
	}
	return b.String()
}
