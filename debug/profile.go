package debug

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"strings"
	"time"

	"wherry.example/wherry"
)

// This file makes profiles and traces, as net/http/pprof does. They are
// complete before the first byte of them is sent.

const typeBinary = "application/octet-stream"

// index lists the profiles by name.
func (d *debugger) index(c *wherry.Context) error {
	profiles := pprof.Profiles()
	slices.SortFunc(profiles, func(a, b *pprof.Profile) int { return cmp.Compare(a.Name(), b.Name()) })
	var b strings.Builder
	for _, p := range profiles {
		fmt.Fprintf(&b, "%s %d\n", p.Name(), p.Count())
	}
	return c.Text(200, b.String()+"profile (CPU, ?seconds=30)\ntrace (?seconds=1)\n")
}

// profile answers with a profile by name.
func (d *debugger) profile(c *wherry.Context) error {
	p := pprof.Lookup(c.Param("name"))
	if p == nil {
		return &wherry.Error{Status: 404, Detail: "There is no profile of this name."}
	}
	form := 0
	switch query(c, "debug") {
	case "", "0":
	case "1":
		form = 1
	case "2":
		form = 2
	default:
		return wherry.NewError(400, "The parameter debug must be 0, 1 or 2.")
	}
	return d.alone(func() error {
		if query(c, "gc") == "1" {
			runtime.GC()
		}
		out := bounded{limit: maxBytes}
		if err := p.WriteTo(&out, form); err != nil {
			return err
		}
		if form > 0 {
			return c.Bytes(200, "text/plain; charset=utf-8", out.b)
		}
		return download(c, p.Name()+".pprof", out.b)
	})
}

// cpu answers with a CPU profile of the coming seconds.
func (d *debugger) cpu(c *wherry.Context) error {
	return d.during(c, 30*time.Second, "profile.pprof", func(out *bounded) (func(), error) {
		return pprof.StopCPUProfile, pprof.StartCPUProfile(out)
	})
}

// trace answers with an execution trace of the coming seconds.
func (d *debugger) trace(c *wherry.Context) error {
	return d.during(c, time.Second, "trace.out", func(out *bounded) (func(), error) {
		return trace.Stop, trace.Start(out)
	})
}

// during records while time passes or until the client leaves.
func (d *debugger) during(c *wherry.Context, standard time.Duration, file string, start func(*bounded) (stop func(), err error)) error {
	length, err := span(c, standard)
	if err != nil {
		return err
	}
	return d.alone(func() error {
		out := bounded{limit: maxBytes}
		stop, err := start(&out)
		if err != nil { // somebody else has begun one
			return &wherry.Error{Status: 409, Detail: "A profile or trace is being made elsewhere in the program.", Err: err}
		}
		err = pause(c.Context(), length)
		stop()
		if err != nil {
			return err
		}
		return download(c, file, out.b)
	})
}

func pause(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func download(c *wherry.Context, file string, content []byte) error {
	c.SetHeader(wherry.HeaderContentDisposition, `attachment; filename="`+file+`"`)
	return c.Bytes(200, typeBinary, content)
}
