package domain_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"wherry.example/wherry/examples/api/internal/domain"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

var drafts = []struct {
	name   string
	draft  domain.Draft
	faults []string // as field and reason; of a new task and of a changed one
}{
	{"the least", domain.Draft{Title: "a", Status: domain.Open}, nil},
	{"all", domain.Draft{Title: "a", Notes: "b\n\tc", Due: noon, Status: domain.Open}, nil},
	{"longest title", domain.Draft{Title: strings.Repeat("ü", 200), Status: domain.Open}, nil},
	{"longest notes", domain.Draft{Title: "a", Notes: strings.Repeat("ü", 2000), Status: domain.Open}, nil},
	{"farthest due", domain.Draft{Title: "a", Due: noon.AddDate(100, 0, 0), Status: domain.Open}, nil},
	{"nothing", domain.Draft{}, []string{"title must not be empty", "status must be open or done"}},
	{"blanks", domain.Draft{Title: " \t ", Status: domain.Open}, []string{"title must not be empty"}},
	{"long title", domain.Draft{Title: strings.Repeat("ü", 201), Status: domain.Open}, []string{"title must have at most 200 characters"}},
	{"two lines", domain.Draft{Title: "a\nb", Status: domain.Open}, []string{"title must be one line without control characters"}},
	{"long notes", domain.Draft{Title: "a", Notes: strings.Repeat("n", 2001), Status: domain.Open}, []string{"notes must have at most 2000 characters"}},
	{"NUL", domain.Draft{Title: "a", Notes: "\x00", Status: domain.Open}, []string{"notes must not have control characters other than line feeds and tabs"}},
	{"late", domain.Draft{Title: "a", Due: noon.Add(-1), Status: domain.Open}, []string{"due must not be in the past"}},
	{"never", domain.Draft{Title: "a", Due: noon.AddDate(100, 0, 1), Status: domain.Open}, []string{"due must be at most 100 years away"}},
	{"unknown status", domain.Draft{Title: "a", Status: "later"}, []string{"status must be open or done"}},
}

func faultsOf(t *testing.T, err error) (list []string) {
	t.Helper()
	var invalid *domain.Invalid
	require.ErrorAs(t, err, &invalid)
	for _, f := range invalid.Faults {
		list = append(list, f.Field+" "+f.Reason)
		require.ErrorContains(t, err, f.Reason)
	}
	return list
}

func TestDrafts(t *testing.T) {
	old, err := domain.New("ada", domain.Draft{Title: "old", Status: domain.Open}, noon)
	require.NoError(t, err)
	for _, tt := range drafts {
		t.Run(tt.name, func(t *testing.T) {
			_, newErr := domain.New("ada", tt.draft, noon)
			_, changeErr := old.Change(tt.draft, noon)
			if tt.faults == nil {
				require.NoError(t, newErr)
				require.NoError(t, changeErr)
				return
			}
			require.Equal(t, tt.faults, faultsOf(t, newErr))
			require.Equal(t, tt.faults, faultsOf(t, changeErr))
		})
	}
}

func TestNew(t *testing.T) {
	east := time.FixedZone("east", 3600)
	task, err := domain.New("ada", domain.Draft{Title: " tea ", Due: noon.In(east), Status: domain.Open}, noon.In(east))
	require.NoError(t, err)
	require.Equal(t, "tea", task.Title)
	require.Equal(t, "ada", task.Owner)
	require.EqualValues(t, 1, task.Version)
	require.Equal(t, []time.Time{noon, noon, noon}, []time.Time{task.Created, task.Updated, task.Due}, "all in UTC")

	_, err = domain.New("ada", domain.Draft{Title: "a", Status: domain.Done}, noon)
	require.Equal(t, []string{"status must be open in a new task"}, faultsOf(t, err))
}

func TestChange(t *testing.T) {
	first, err := domain.New("ada", domain.Draft{Title: "a", Due: noon.Add(time.Hour), Status: domain.Open}, noon)
	require.NoError(t, err)
	later := noon.Add(48 * time.Hour)

	d := first.Draft
	d.Status = domain.Done
	second, err := first.Change(d, later)
	require.NoError(t, err, "a due time that has passed may stay")
	require.EqualValues(t, 2, second.Version)
	require.Equal(t, later, second.Updated)
	require.Equal(t, noon, second.Created)
	require.Equal(t, first.ID, second.ID)
	require.Equal(t, domain.Open, first.Status, "a task is a value")

	d.Title = "b"
	_, err = second.Change(d, later)
	require.ErrorIs(t, err, domain.ErrDone)
	d.Status = domain.Open
	_, err = second.Change(d, later)
	require.NoError(t, err)
	d.Due = d.Due.Add(time.Minute)
	_, err = second.Change(d, later)
	require.Equal(t, []string{"due must not be in the past"}, faultsOf(t, err))
}

func TestIDs(t *testing.T) {
	var ids []domain.ID
	seen := map[domain.ID]bool{}
	for i := range 1000 {
		id := domain.NewID(noon.Add(time.Duration(i) * time.Millisecond))
		var back domain.ID
		require.NoError(t, back.UnmarshalText([]byte(id)))
		require.Equal(t, id, back)
		require.False(t, seen[id])
		seen[id] = true
		ids = append(ids, id)
	}
	require.True(t, slices.IsSorted(ids), "they sort by time")
}

func TestNoIDs(t *testing.T) {
	good := string(domain.NewID(noon))
	for _, text := range []string{
		"", "1", good[1:], good + "0", strings.ToUpper(good[:25]) + "A", good[:25] + "1", good[:25] + "z",
		good[:25] + "\n", good[:13] + "\n" + good[13:], "../../../../../etc/passwd0",
	} {
		var id domain.ID
		require.Error(t, id.UnmarshalText([]byte(text)), "%q", text)
		require.Empty(t, id)
	}
}
