package middleware_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func begin(t *testing.T, m *middleware.IdempotencyMemory, key string) *middleware.IdempotencyRecord {
	t.Helper()
	kept, err := m.Begin(context.Background(), key, [32]byte{}, time.Hour)
	require.NoError(t, err)
	return kept
}

func finish(t *testing.T, m *middleware.IdempotencyMemory, key string, bytes int, ttl time.Duration) {
	t.Helper()
	record := middleware.IdempotencyRecord{Done: true, Status: 200, Content: make([]byte, bytes)}
	require.NoError(t, m.Finish(context.Background(), key, record, ttl))
}

func TestIdempotencyMemoryLongRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := middleware.NewIdempotencyMemory(0, 0)
		require.Nil(t, begin(t, m, "long"))
		time.Sleep(2 * time.Hour)
		require.NotNil(t, begin(t, m, "long"), "a request in flight keeps its key, however long it takes")
		finish(t, m, "long", 0, time.Hour)
		require.True(t, begin(t, m, "long").Done)
	})
}

func TestIdempotencyMemoryMixedTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := middleware.NewIdempotencyMemory(0, 0)
		finish(t, m, "day", 0, 24*time.Hour)
		finish(t, m, "hour", 0, time.Hour)
		time.Sleep(time.Hour)
		require.Nil(t, begin(t, m, "hour"), "expired, though one behind which it stands is not")
		require.NotNil(t, begin(t, m, "day"))
		require.Equal(t, 2, m.Len())
		time.Sleep(23 * time.Hour)
		require.NotNil(t, begin(t, m, "hour"), "in flight again")
		require.Equal(t, 1, m.Len(), "what has expired goes when others come")
	})
}

func TestIdempotencyMemoryAbandon(t *testing.T) {
	m := middleware.NewIdempotencyMemory(0, 0)
	ctx := context.Background()
	require.NoError(t, m.Abandon(ctx, "unknown"))
	require.Nil(t, begin(t, m, "k"))
	require.NoError(t, m.Abandon(ctx, "k"))
	require.Zero(t, m.Len())
	finish(t, m, "k", 0, time.Hour)
	require.NoError(t, m.Abandon(ctx, "k"))
	require.NotNil(t, begin(t, m, "k"), "an answer is no reservation")
}

func TestIdempotencyMemoryKeepsWhatCannotHelp(t *testing.T) {
	m := middleware.NewIdempotencyMemory(0, 10_000)
	finish(t, m, "small", 1_000, time.Hour)
	request := [32]byte{1}
	large := middleware.IdempotencyRecord{Request: request, Done: true, Status: 200, Content: make([]byte, 20_000)}
	require.NoError(t, m.Finish(context.Background(), "too large", large, time.Hour))
	require.Equal(t, &middleware.IdempotencyRecord{Request: request, Done: true}, begin(t, m, "too large"))
	require.Equal(t, 200, begin(t, m, "small").Status, "forgetting it would have made too little room")
	require.Nil(t, begin(t, m, "another"))
	require.Equal(t, 200, begin(t, m, "small").Status, "what is kept of the large one takes little room")
}

func TestIdempotencyMemoryFullOfBytes(t *testing.T) {
	m := middleware.NewIdempotencyMemory(0, 900) // room for two requests in flight, over 300 bytes each
	require.Nil(t, begin(t, m, "a"))
	require.Nil(t, begin(t, m, "b"))
	_, err := m.Begin(context.Background(), "c", [32]byte{}, time.Hour)
	require.ErrorContains(t, err, "full")
	require.NoError(t, m.Abandon(context.Background(), "a"))
	require.Nil(t, begin(t, m, "c"))
}

func TestIdempotencyMemoryCountsAgain(t *testing.T) {
	m := middleware.NewIdempotencyMemory(4, 10_000)
	for i := range 1_000 { // what goes is no longer counted, whichever way it goes
		key := fmt.Sprint(i)
		require.Nil(t, begin(t, m, key))
		switch i % 3 {
		case 0:
			require.NoError(t, m.Abandon(context.Background(), key))
		case 1:
			finish(t, m, key, 5_000, time.Hour)
		case 2:
			finish(t, m, key, 0, -time.Second)
		}
	}
	require.LessOrEqual(t, m.Len(), 4)
	for i := range 4 {
		require.Nil(t, begin(t, m, fmt.Sprint("in flight ", i)))
	}
	_, err := m.Begin(context.Background(), "one more", [32]byte{}, time.Hour)
	require.ErrorContains(t, err, "full")
	require.Equal(t, 503, wherry.StatusOf(err))
}

// A value that is cut from a long string must not keep all of it alive.
func TestIdempotencyMemoryOwnsFields(t *testing.T) {
	m := middleware.NewIdempotencyMemory(0, 0)
	before := heap()
	for i := range 64 {
		long := strings.Repeat("x", 1<<20)
		record := middleware.IdempotencyRecord{Done: true, Status: 200, Fields: [][2]string{{"Location", long[:10]}}}
		require.NoError(t, m.Finish(context.Background(), fmt.Sprint(i), record, time.Hour))
	}
	after := heap()
	require.Equal(t, 64, m.Len())
	require.Less(t, after, before+16<<20)
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
