package wherry

import (
	"wherry.example/wherry/engine"
)

// Wire gives raw bytes to an app in memory and returns exactly what it writes,
// for tests of what must not be on the wire.
func Wire(app *App, raw string) (string, error) {
	if err := app.Build(); err != nil {
		return "", err
	}
	conn := &memoryConn{in: []byte(raw)}
	s := opener{app.server}.Open(conn)
	if s == nil {
		return "", nil
	}
	for next := s.Serve(); goesOn(next); {
		next = s.Serve()
	}
	s.Close(nil)
	return conn.out.String(), nil
}

func goesOn(next engine.Next) bool { return next != engine.Hangup && next != engine.Detach }
