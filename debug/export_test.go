package debug

import "wherry.example/wherry/internal/peer"

// Local is what guard asks of both ends of a connection.
var Local = peer.IsLocal

// WriteBounded writes to a buffer with this limit.
func WriteBounded(limit int, pieces ...string) ([]byte, error) {
	b := &bounded{limit: limit}
	for _, p := range pieces {
		if _, err := b.Write([]byte(p)); err != nil {
			return b.b, err
		}
	}
	return b.b, nil
}
