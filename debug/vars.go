package debug

import (
	"math"
	"runtime"
	"runtime/metrics"

	"wherry.example/wherry"
)

// runtimeVars are what is shown of the runtime, by the names of
// runtime/metrics.
var runtimeVars = []string{
	"/sched/goroutines:goroutines",
	"/sched/gomaxprocs:threads",
	"/memory/classes/total:bytes",
	"/memory/classes/heap/objects:bytes",
	"/gc/heap/live:bytes",
	"/gc/heap/goal:bytes",
	"/gc/heap/allocs:bytes",
	"/gc/heap/allocs:objects",
	"/gc/cycles/total:gc-cycles",
	"/cpu/classes/gc/total:cpu-seconds",
	"/cpu/classes/total:cpu-seconds",
}

// vars answers with all values. A function that panics shows that.
func (d *debugger) vars(c *wherry.Context) error {
	all := map[string]any{"go": runtime.Version(), "runtime": runtimeValues()}
	own := make(map[string]any, len(d.options.Vars))
	for name, f := range d.options.Vars {
		own[name] = guarded(f)
	}
	all["vars"] = own
	return c.JSON(200, all)
}

func guarded(f func() any) (v any) {
	defer func() {
		if recover() != nil {
			v = "panic"
		}
	}()
	return f()
}

func runtimeValues() map[string]any {
	samples := make([]metrics.Sample, len(runtimeVars))
	for i, name := range runtimeVars {
		samples[i].Name = name
	}
	metrics.Read(samples)
	values := make(map[string]any, len(samples))
	for _, s := range samples {
		switch s.Value.Kind() {
		case metrics.KindUint64:
			values[s.Name] = s.Value.Uint64()
		case metrics.KindFloat64:
			if v := s.Value.Float64(); !math.IsNaN(v) && !math.IsInf(v, 0) {
				values[s.Name] = v
			}
		}
	}
	return values
}
