package http1

import "bytes"

// This file writes and reads dates of RFC 9110 section 5.6.7 without a clock:
// seconds since 1970-01-01 00:00:00 UTC, and the calendar by arithmetic.

const (
	dayNames   = "SunMonTueWedThuFriSat"
	monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

// AppendDate appends an IMF-fixdate, as "Sun, 06 Nov 1994 08:49:37 GMT". Years
// outside 0 to 9999 are not dates of HTTP; the caller has none.
func AppendDate(dst []byte, unix int64) []byte {
	days := unix / 86400
	second := unix % 86400
	if second < 0 {
		second += 86400
		days--
	}
	year, month, day := civil(days)
	weekday := (days%7 + 11) % 7 // 1970-01-01 was a Thursday
	dst = append(dst, dayNames[weekday*3:weekday*3+3]...)
	dst = append(dst, ", "...)
	dst = appendTwo(dst, day)
	dst = append(dst, ' ')
	dst = append(dst, monthNames[month*3-3:month*3]...)
	dst = append(dst, ' ')
	dst = appendTwo(appendTwo(dst, year/100), year%100)
	dst = append(dst, ' ')
	dst = append(appendTwo(dst, second/3600), ':')
	dst = append(appendTwo(dst, second/60%60), ':')
	return append(appendTwo(dst, second%60), " GMT"...)
}

func appendTwo(dst []byte, n int64) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// civil turns days since 1970-01-01 into a date. Years begin in March here, so
// that the leap day is the last one; an era is 400 years.
func civil(days int64) (year, month, day int64) {
	days += 719468 // from 0000-03-01
	era := days / 146097
	if days < 0 {
		era = (days - 146096) / 146097
	}
	inEra := days - era*146097
	yearOfEra := (inEra - inEra/1460 + inEra/36524 - inEra/146096) / 365
	inYear := inEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*inYear + 2) / 153
	day = inYear - (153*shifted+2)/5 + 1
	month = shifted + 3
	year = yearOfEra + era*400
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}

// daysOf is the inverse of civil, for years from 0 on.
func daysOf(year, month, day int64) int64 {
	year += 400 // so that nothing below is negative
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	yearOfEra := year % 400
	inYear := (153*(month-3)+2)/5 + day - 1
	return (era-1)*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + inYear - 719468
}

// ParseDate reads a date in one of the three formats of RFC 9110: IMF-fixdate,
// RFC 850 and asctime. The day of the week is not compared with the date. A
// two-digit year is taken as 1970 to 2069.
func ParseDate(b []byte) (unix int64, ok bool) {
	p := dateParser{b: b, ok: true}
	var day, month, year, second int64
	switch comma := bytes.IndexByte(b, ','); {
	case comma == 3:
		p.weekday()
		p.text(", ")
		day = p.number(2)
		p.text(" ")
		month = p.month()
		p.text(" ")
		year = p.number(4)
		p.text(" ")
		second = p.clock()
		p.text(" GMT")
	case comma > 3:
		p.longWeekday(comma)
		p.text(", ")
		day = p.number(2)
		p.text("-")
		month = p.month()
		p.text("-")
		if year = p.number(2) + 1900; year < 1970 {
			year += 100
		}
		p.text(" ")
		second = p.clock()
		p.text(" GMT")
	default:
		p.weekday()
		p.text(" ")
		month = p.month()
		p.text(" ")
		if len(p.b) > 0 && p.b[0] == ' ' {
			p.text(" ")
			day = p.number(1)
		} else {
			day = p.number(2)
		}
		p.text(" ")
		second = p.clock()
		p.text(" ")
		year = p.number(4)
	}
	if !p.ok || len(p.b) > 0 {
		return 0, false
	}
	days := daysOf(year, month, day)
	if y, m, d := civil(days); y != year || m != month || d != day {
		return 0, false // no such day
	}
	return days*86400 + second, true
}

// dateParser takes parts off the front of b; ok is false once one was wrong.
type dateParser struct {
	b  []byte
	ok bool
}

func (p *dateParser) take(n int) []byte {
	if len(p.b) < n {
		p.ok = false
		p.b = nil
		return nil
	}
	part := p.b[:n]
	p.b = p.b[n:]
	return part
}

func (p *dateParser) text(s string) { p.ok = string(p.take(len(s))) == s && p.ok }

func (p *dateParser) number(digits int) (n int64) {
	for _, d := range p.take(digits) {
		p.ok = p.ok && d >= '0' && d <= '9'
		n = n*10 + int64(d-'0')
	}
	return n
}

func (p *dateParser) name(names string) int64 {
	part := p.take(3)
	for i := 0; len(part) == 3 && i < len(names); i += 3 {
		if names[i:i+3] == string(part) {
			return int64(i/3 + 1)
		}
	}
	p.ok = false
	return 0
}

func (p *dateParser) month() int64 { return p.name(monthNames) }
func (p *dateParser) weekday()     { p.name(dayNames) }

func (p *dateParser) longWeekday(n int) {
	switch string(p.take(n)) {
	case "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday":
	default:
		p.ok = false
	}
}

// clock reads hh:mm:ss as seconds; a leap second counts as the last one.
func (p *dateParser) clock() int64 {
	hour := p.number(2)
	p.text(":")
	minute := p.number(2)
	p.text(":")
	second := p.number(2)
	p.ok = p.ok && hour < 24 && minute < 60 && second <= 60
	return hour*3600 + minute*60 + min(second, 59)
}
