// Package config reads the configuration of the service from the environment.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// Config is what an operator decides. Each field names its variable and its
// default.
type Config struct {
	// Keys maps the name of each client to its key. TASKS_KEYS has pairs as
	// name=key with commas between them; TASKS_KEYS_FILE names a file with one
	// pair in each line. One of them is required: nobody gets in by default.
	Keys map[string]string
	// Origins are those of the pages that may ask. TASKS_ORIGINS, with commas
	// between them; none.
	Origins []string
	// TrustedProxies are the networks of the proxies in front.
	// TASKS_TRUSTED_PROXIES, with commas between them; none.
	TrustedProxies []netip.Prefix
	// Rate is how many requests an address may send in a minute. TASKS_RATE;
	// 600.
	Rate int
	// Quota is how many tasks a client may have. TASKS_QUOTA; 10,000.
	Quota int
	// Timeout is the time for one request. TASKS_TIMEOUT; 5 s.
	Timeout time.Duration
	// ShutdownDelay is how long requests are served as before once a shutdown
	// has begun. TASKS_SHUTDOWN_DELAY; 0.
	ShutdownDelay time.Duration
	// Shutdown is the time for the whole of a shutdown. TASKS_SHUTDOWN; 20 s.
	Shutdown time.Duration
	// OpsAddr is where metrics are served. TASKS_OPS_ADDR; nowhere.
	OpsAddr string
	// LogLevel is the least level that is logged. TASKS_LOG_LEVEL; info.
	LogLevel slog.Level
}

// Load reads the configuration through the functions os.LookupEnv and
// os.ReadFile, or what stands for them in a test. The error names every
// variable that is wrong, and the fix; it holds no key.
func Load(lookup func(string) (string, bool), readFile func(string) ([]byte, error)) (Config, error) {
	r := &reader{lookup: lookup, readFile: readFile}
	c := Config{
		Keys:           r.keys("TASKS_KEYS", "TASKS_KEYS_FILE"),
		Origins:        r.list("TASKS_ORIGINS"),
		TrustedProxies: r.prefixes("TASKS_TRUSTED_PROXIES"),
		Rate:           r.integer("TASKS_RATE", 600, 1, 1e9),
		Quota:          r.integer("TASKS_QUOTA", 10_000, 1, 1e6),
		Timeout:        r.duration("TASKS_TIMEOUT", 5*time.Second, time.Millisecond, time.Hour),
		ShutdownDelay:  r.duration("TASKS_SHUTDOWN_DELAY", 0, 0, 5*time.Minute),
		Shutdown:       r.duration("TASKS_SHUTDOWN", 20*time.Second, time.Second, time.Hour),
		OpsAddr:        r.text("TASKS_OPS_ADDR"),
		LogLevel:       r.level("TASKS_LOG_LEVEL"),
	}
	if c.ShutdownDelay >= c.Shutdown {
		r.wrong("TASKS_SHUTDOWN_DELAY", "%v leaves nothing of TASKS_SHUTDOWN, which is %v, for requests in flight; make it shorter", c.ShutdownDelay, c.Shutdown)
	}
	if len(r.errs) > 0 {
		return Config{}, fmt.Errorf("the environment is not as it must be:\n%w", errors.Join(r.errs...))
	}
	return c, nil
}

// LogValue is the configuration without the keys.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Any("clients", slices.Sorted(maps.Keys(c.Keys))),
		slog.Any("origins", c.Origins),
		slog.Any("trusted_proxies", c.TrustedProxies),
		slog.Int("rate", c.Rate),
		slog.Int("quota", c.Quota),
		slog.String("timeout", c.Timeout.String()),
		slog.String("shutdown_delay", c.ShutdownDelay.String()),
		slog.String("shutdown", c.Shutdown.String()),
		slog.String("ops_addr", c.OpsAddr),
		slog.String("log_level", c.LogLevel.String()),
	)
}
