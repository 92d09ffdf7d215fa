package static

// What tests may see of the inside.
var (
	WindowsAlias = windowsAlias
	ParseRange   = parseRange
	HumanSize    = humanSize
)

// Span is a span for tests.
type Span = span

// SpanOf makes one.
func SpanOf(start, length int64) Span { return span{start, length} }

// Bounds returns where a span starts and how long it is.
func (p span) Bounds() (start, length int64) { return p.start, p.length }
