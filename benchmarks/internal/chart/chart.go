// Package chart draws the charts of benchmarks.md as SVG: bars with whiskers,
// and latencies on a logarithmic axis. They are readable on light and on dark
// pages and need nothing but the standard library.
package chart

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// Bar is one line of a panel.
type Bar struct {
	Name          string
	Ours          bool
	Value         float64
	Least, Utmost float64 // the whisker
}

// Panel is one scale with its bars.
type Panel struct {
	Title string // what is measured, and in which unit
	Note  string // which direction is better
	Bars  []Bar
}

const (
	labelWidth = 152
	panelWidth = 450
	rowHeight  = 22
	top        = 62
	valueRoom  = 64
	margin     = 14
)

// style holds the colours for both kinds of pages.
const style = `<style>
text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#24292f}
.title{font-size:15px;font-weight:600}.head{font-weight:600}.soft{fill:#57606a}
.page{fill:#ffffff}.bar{fill:#afb8c1}.ours{fill:#0969da}.grid{stroke:#d0d7de;stroke-width:1}
.whisker{stroke:#24292f;stroke-width:1.2}.halo{stroke:#ffffff;stroke-width:3.6}.name-ours{font-weight:600}
.q1{fill:#afb8c1}.q2{fill:#8c959f}.q3{fill:#6e7781}.q4{fill:#424a53}
.o1{fill:#80ccff}.o2{fill:#54aeff}.o3{fill:#218bff}.o4{fill:#0550ae}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.soft{fill:#9198a1}.page{fill:#0d1117}.bar{fill:#57606a}.ours{fill:#4493f8}.grid{stroke:#30363d}
.whisker{stroke:#e6edf3}.halo{stroke:#0d1117}.q1{fill:#424a53}.q2{fill:#6e7781}.q3{fill:#8c959f}.q4{fill:#d0d7de}
.o1{fill:#0550ae}.o2{fill:#0969da}.o3{fill:#54aeff}.o4{fill:#b6e3ff}}
</style>
`

// canvas collects the elements of a chart.
type canvas struct{ strings.Builder }

func (c *canvas) open(title string, width, height int) {
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n",
		width, height, width, height, html.EscapeString(title))
	c.WriteString(style)
	fmt.Fprintf(c, `<rect class="page" width="%d" height="%d" rx="6"/>`+"\n", width, height)
	c.text(margin, 24, "title", "start", title)
}

func (c *canvas) close() string {
	c.WriteString("</svg>\n")
	return c.String()
}

func (c *canvas) text(x, y float64, class, anchor, text string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(text))
}

func (c *canvas) rect(x, y, width, height float64, class string) {
	fmt.Fprintf(c, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s" rx="2"/>`+"\n", x, y, width, height, class)
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(c, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`+"\n", x1, y1, x2, y2, class)
}

// whisker draws a spread from one x to another, with ends, and an edge around
// it that tells it from a bar of its own colour.
func (c *canvas) whisker(from, to, y float64) {
	for _, class := range []string{"halo", "whisker"} {
		c.line(from, y, to, y, class)
		c.line(from, y-4, from, y+4, class)
		c.line(to, y-4, to, y+4, class)
	}
}

// Bars draws panels beside each other.
func Bars(title string, panels ...Panel) string {
	rows := 0
	for _, p := range panels {
		rows = max(rows, len(p.Bars))
	}
	var c canvas
	c.open(title, margin+len(panels)*panelWidth, top+rows*rowHeight+margin)
	for i, p := range panels {
		c.panel(p, float64(margin+i*panelWidth))
	}
	return c.close()
}

func (c *canvas) panel(p Panel, left float64) {
	var most float64
	for _, b := range p.Bars {
		most = max(most, b.Value, b.Utmost)
	}
	if most == 0 {
		most = 1
	}
	zero := left + labelWidth
	room := float64(panelWidth - labelWidth - valueRoom - margin)
	at := func(v float64) float64 { return zero + v/most*room }
	c.text(left, top-14, "head", "start", p.Title)
	c.text(left+panelWidth-2*margin, top-14, "soft", "end", p.Note)
	for i, b := range p.Bars {
		y := float64(top + i*rowHeight)
		class, name := "bar", "name"
		if b.Ours {
			class, name = "ours", "name-ours"
		}
		c.text(zero-8, y+14, name, "end", b.Name)
		c.rect(zero, y+4, max(at(b.Value)-zero, 1), rowHeight-8, class)
		end := at(b.Value)
		if b.Utmost > b.Least {
			c.whisker(at(b.Least), at(b.Utmost), y+rowHeight/2)
			end = max(end, at(b.Utmost))
		}
		c.text(end+6, y+15, "value", "start", Number(b.Value))
	}
	c.line(zero, top, zero, float64(top+len(p.Bars)*rowHeight), "grid")
}

// Row is one line of a latency chart: growing quantiles, and the whisker of
// the last.
type Row struct {
	Name          string
	Ours          bool
	Quantiles     []float64 // microseconds
	Least, Utmost float64
}

// Latencies draws quantiles as segments on a logarithmic axis of microseconds.
func Latencies(title, note string, names []string, rows []Row) string {
	const width = 2*panelWidth + margin
	var c canvas
	c.open(title, width, top+len(rows)*rowHeight+34)
	low, high := decades(rows)
	left, room := float64(margin+labelWidth), float64(width-labelWidth-4*margin)
	at := func(v float64) float64 {
		return left + (math.Log10(max(v, math.Pow10(low)))-float64(low))/float64(high-low)*room
	}
	bottom := float64(top + len(rows)*rowHeight)
	for d := low; d <= high; d++ {
		x := at(math.Pow10(d))
		c.line(x, top-4, x, bottom+4, "grid")
		c.text(x, bottom+20, "soft", "middle", duration(d))
	}
	c.legend(names, left)
	c.text(width-margin, 24, "soft", "end", note)
	for i, r := range rows {
		c.row(r, float64(top+i*rowHeight), left, at)
	}
	return c.close()
}

func (c *canvas) row(r Row, y, left float64, at func(float64) float64) {
	class, name := "q", "name"
	if r.Ours {
		class, name = "o", "name-ours"
	}
	c.text(left-8, y+14, name, "end", r.Name)
	x := left
	for i, q := range r.Quantiles {
		c.rect(x, y+4, max(at(q)-x, 0), rowHeight-8, class+strconv.Itoa(i+1))
		x = max(x, at(q))
	}
	if r.Utmost > r.Least {
		c.whisker(at(r.Least), at(r.Utmost), y+rowHeight/2)
	}
}

// legend names the segments.
func (c *canvas) legend(names []string, x float64) {
	for i, name := range names {
		c.rect(x, top-24, 12, 12, "q"+strconv.Itoa(i+1))
		c.rect(x+14, top-24, 12, 12, "o"+strconv.Itoa(i+1))
		c.text(x+31, top-14, "soft", "start", name)
		x += 46 + 7*float64(len(name)) + 10
	}
}

// decades returns the powers of ten around all values.
func decades(rows []Row) (low, high int) {
	least, most := math.Inf(1), 1.0
	for _, r := range rows {
		for _, q := range r.Quantiles {
			if q > 0 {
				least = min(least, q)
			}
			most = max(most, q)
		}
		most = max(most, r.Utmost)
	}
	if math.IsInf(least, 1) {
		least = 1
	}
	low, high = int(math.Floor(math.Log10(least))), int(math.Ceil(math.Log10(most)))
	return low, max(high, low+1)
}

// duration names a power of ten of microseconds.
func duration(decade int) string {
	switch v := math.Pow10(decade); {
	case v < 1:
		return fmt.Sprintf("%g ns", v*1e3)
	case v < 1e3:
		return fmt.Sprintf("%g µs", v)
	case v < 1e6:
		return fmt.Sprintf("%g ms", v/1e3)
	default:
		return fmt.Sprintf("%g s", v/1e6)
	}
}

// Number writes a value with three digits that count.
func Number(v float64) string {
	switch {
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'f', 2, 64) + " M"
	case v >= 1e4:
		return strconv.FormatFloat(v/1e3, 'f', 0, 64) + " k"
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}
