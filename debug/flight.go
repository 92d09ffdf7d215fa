package debug

import (
	"fmt"
	"runtime/trace"
	"sync"

	"wherry.example/wherry"
)

// recorder is the flight recorder of the process. It records from Attach to
// the shutdown of its app.
type recorder struct {
	mu      sync.Mutex // guards the following
	flight  *trace.FlightRecorder
	stopped bool
}

// flightBytes bounds what the flight recorder keeps.
const flightBytes = 16 << 20

// record starts the flight recorder.
func (d *debugger) record(app *wherry.App) error {
	flight := trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: d.options.Window, MaxBytes: flightBytes})
	if err := flight.Start(); err != nil {
		return fmt.Errorf("debug.Attach: FlightRecorder: %w; one process can have one", err)
	}
	d.recorder = &recorder{flight: flight}
	app.OnShutdown(d.recorder.stop)
	return nil
}

func (r *recorder) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stopped {
		r.stopped = true
		r.flight.Stop()
	}
}

// flight answers with what the flight recorder has kept.
func (d *debugger) flight(c *wherry.Context) error {
	return d.alone(func() error {
		out := bounded{limit: maxBytes}
		d.recorder.mu.Lock()
		defer d.recorder.mu.Unlock()
		if d.recorder.stopped {
			return &wherry.Error{Status: 503, Detail: "The flight recorder has been stopped."}
		}
		if _, err := d.recorder.flight.WriteTo(&out); err != nil {
			return err
		}
		return download(c, "flight.out", out.b)
	})
}
