package conditional

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// lists are looked through for the strong tag "a,b".
var lists = []struct {
	line      string
	weakly    bool // found by weak comparison
	strongly  bool
	members   int
	malformed bool
}{
	{`"a,b"`, true, true, 1, false},
	{`W/"a,b"`, true, false, 1, false},
	{`w/"a,b"`, false, false, 0, true},
	{`W/ "a,b"`, false, false, 0, true},
	{`W/`, false, false, 0, true},
	{`W`, false, false, 0, true},
	{`"x", "a,b"`, true, true, 2, false},
	{"\"x\"\t,,\t\"a,b\" ,", true, true, 2, false},
	{`"x",W/"a,b","a,b"`, true, true, 3, false},
	{`"a,b", "x"`, true, true, 2, false},
	{`"a","b"`, false, false, 2, false},
	{`"a,b`, false, false, 0, true},
	{`a,b`, false, false, 0, true},
	{`"`, false, false, 0, true},
	{`""`, false, false, 1, false},
	{``, false, false, 0, false},
	{` , ,`, false, false, 0, false},
	{`*`, false, false, 0, true},
	{`"x", *`, false, false, 1, true},
	{`"x" "a,b"`, false, false, 1, true},
	{`"x""a,b"`, false, false, 1, true},
	{`x, "a,b"`, false, false, 0, true},
	{`"a,b" x`, true, true, 1, true}, // before the mistake
	{`"a,b"x`, true, true, 1, true},
	{`"x y", "a,b"`, false, false, 0, true},
	{"\"x\ty\", \"a,b\"", false, false, 0, true},
	{"\"x\x7f\", \"a,b\"", false, false, 0, true},
	{"\"\xfc\xff!~\", \"a,b\"", true, true, 2, false},
}

func TestList(t *testing.T) {
	for _, test := range lists {
		for _, own := range []string{`"a,b"`, `W/"a,b"`} {
			var weakly, strongly, none list
			weakly.read([]byte(test.line), own, false)
			strongly.read([]byte(test.line), own, true)
			none.read([]byte(test.line), "", false)
			require.Equal(t, list{test.weakly, test.members, test.malformed}, weakly, "%q", test.line)
			require.Equal(t, list{test.strongly && own[0] == '"', test.members, test.malformed}, strongly, "%q", test.line)
			require.Equal(t, list{false, test.members, test.malformed}, none, "%q", test.line)
		}
	}
}

func TestListOfLines(t *testing.T) {
	var l list
	for _, line := range []string{`"x"`, `y`, `"z", "a"`} {
		l.read([]byte(line), `"a"`, true)
	}
	require.Equal(t, list{true, 3, true}, l, "a mistake ends its line")
}

func TestNames(t *testing.T) {
	for _, test := range lists {
		require.Equal(t, test.weakly, Names([]string{test.line}, `"a,b"`, false), test.line)
		require.Equal(t, test.strongly, Names([]string{test.line}, `"a,b"`, true), test.line)
		require.Equal(t, test.strongly, Names([]string{`"x"`, test.line}, `"a,b"`, true), test.line)
	}
	require.False(t, Names(nil, `"a,b"`, false))
}

func TestValid(t *testing.T) {
	for tag, want := range map[string]bool{
		`"1"`: true, `W/"1"`: true, `""`: true, `W/""`: true, `"a,b"`: true,
		``: false, `1`: false, `"`: false, `"1`: false, `1"`: false, `"1"2"`: false, `"1""`: false, `W/`: false, `W/1`: false,
		`w/"1"`: false, `"1" `: false, ` "1"`: false, `"1", "2"`: false,
	} {
		require.Equal(t, want, Valid(tag), tag)
	}
}

// Another reader of lists: the grammar of section 5.6.1.2 with bytes as runes
// of Latin-1.
var (
	entityTag = `(?:W/)?"[!#-~\x{80}-\x{ff}]*"`
	members   = regexp.MustCompile(entityTag)
	wholeList = regexp.MustCompile(`^[ \t]*(?:` + entityTag + `)?[ \t]*(?:,[ \t]*(?:` + entityTag + `)?[ \t]*)*$`)
)

func FuzzList(f *testing.F) {
	for _, test := range lists {
		f.Add([]byte(test.line), []byte(`"a,b"`))
	}
	f.Fuzz(func(t *testing.T, line, tag []byte) {
		own, text := string(tag), latin1(line)
		if !Valid(own) {
			return
		}
		var weakly, strongly list
		weakly.read(line, own, false)
		strongly.read(line, own, true)
		require.Equal(t, wholeList.MatchString(text), !weakly.malformed)
		require.Equal(t, weakly.malformed, strongly.malformed)
		require.Equal(t, weakly.members, strongly.members)
		require.True(t, weakly.found || !strongly.found, "what is equal strongly is so weakly")
		if weakly.malformed {
			return
		}
		found, same := false, false
		all := members.FindAllString(text, -1)
		for _, member := range all {
			found = found || opaqueOf(member) == opaqueOf(latin1(tag))
			same = same || member == latin1(tag) && member[0] == '"'
		}
		require.Equal(t, list{found, len(all), false}, weakly)
		require.Equal(t, list{same, len(all), false}, strongly)
	})
}

func latin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}
