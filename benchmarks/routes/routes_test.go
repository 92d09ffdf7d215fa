package routes

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSets(t *testing.T) {
	want := map[string]int{"github": 203, "gplus": 13, "parse": 26, "static": 157}
	for _, set := range Sets() {
		require.Len(t, set.Routes, want[set.Name], set.Name)
	}
}

func TestRoute(t *testing.T) {
	r := Route{"GET", "/repos/:owner/:repo/issues"}
	require.Equal(t, []string{"owner", "repo"}, r.Params())
	require.Equal(t, "repo", r.Last())
	require.Equal(t, "/repos/xowner/xrepo/issues", r.Path())
	require.Equal(t, "/repos/{owner}/{repo}/issues", r.Braces())
	require.Empty(t, Route{"GET", "/events"}.Last())
}
