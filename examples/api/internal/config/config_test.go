package config_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"wherry.example/wherry/examples/api/internal/config"
)

const secret = "0123456789abcdef"

func load(env, files map[string]string) (config.Config, error) {
	return config.Load(
		func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		func(name string) ([]byte, error) {
			if content, ok := files[name]; ok {
				return []byte(content), nil
			}
			return nil, errors.New("no such file")
		})
}

func TestDefaults(t *testing.T) {
	c, err := load(map[string]string{"TASKS_KEYS": "ada=" + secret, "TASKS_RATE": " "}, nil)
	require.NoError(t, err)
	require.Equal(t, config.Config{
		Keys: map[string]string{"ada": secret}, Rate: 600, Quota: 10_000, Timeout: 5 * time.Second, Shutdown: 20 * time.Second,
	}, c)
}

func TestEverything(t *testing.T) {
	c, err := load(map[string]string{
		"TASKS_KEYS_FILE": "keys", "TASKS_ORIGINS": "https://a.example, https://b.example,", "TASKS_TRUSTED_PROXIES": "10.0.0.0/8,::1/128",
		"TASKS_RATE": "5", "TASKS_QUOTA": "6", "TASKS_TIMEOUT": "1s", "TASKS_SHUTDOWN": "30s", "TASKS_SHUTDOWN_DELAY": "5s",
		"TASKS_OPS_ADDR": "127.0.0.1:9090", "TASKS_LOG_LEVEL": "warn",
	}, map[string]string{"keys": "# who may ask\n\nada = " + secret + "\nbob=" + secret + ",=\n"})
	require.NoError(t, err)
	require.Equal(t, config.Config{
		Keys: map[string]string{"ada": secret, "bob": secret + ",="}, Origins: []string{"https://a.example", "https://b.example"},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		Rate:           5, Quota: 6, Timeout: time.Second, Shutdown: 30 * time.Second, ShutdownDelay: 5 * time.Second,
		OpsAddr: "127.0.0.1:9090", LogLevel: slog.LevelWarn,
	}, c)

	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("configuration", slog.Any("config", c))
	require.Contains(t, log.String(), `"clients":["ada","bob"]`)
	require.NotContains(t, log.String(), secret)
}

func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		name, variable, value, want string
	}{
		{"no keys", "TASKS_KEYS", "", "TASKS_KEYS: has no keys"},
		{"no pair", "TASKS_KEYS", secret, "TASKS_KEYS: pair 1 is not of the form name=key"},
		{"no name", "TASKS_KEYS", "=" + secret, "pair 1"},
		{"short", "TASKS_KEYS", "ada=" + secret[1:], `the key of "ada" is shorter than 16 bytes`},
		{"twice", "TASKS_KEYS", "ada=" + secret + ",ada=x" + secret, `"ada" has two keys`},
		{"shared", "TASKS_KEYS", "ada=" + secret + ",bob=" + secret, `"ada" and "bob" have the same key`},
		{"two sources", "TASKS_KEYS_FILE", "keys", "and so is TASKS_KEYS_FILE"},
		{"network", "TASKS_TRUSTED_PROXIES", "10.0.0.1", `"10.0.0.1" is no network`},
		{"no number", "TASKS_RATE", "many", "TASKS_RATE: \"many\": give a whole number from 1"},
		{"too small", "TASKS_QUOTA", "0", "TASKS_QUOTA: \"0\""},
		{"too large", "TASKS_QUOTA", "1000001", "to 1000000, or nothing for 10000"},
		{"unit", "TASKS_TIMEOUT", "5", "give a duration from 1ms to 1h0m0s, as 1m30s"},
		{"negative", "TASKS_SHUTDOWN_DELAY", "-1s", "TASKS_SHUTDOWN_DELAY"},
		{"delay", "TASKS_SHUTDOWN_DELAY", "20s", "leaves nothing of TASKS_SHUTDOWN"},
		{"level", "TASKS_LOG_LEVEL", "loud", "give debug, info, warn or error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := map[string]string{"TASKS_KEYS": "ada=" + secret}
			env[tt.variable] = tt.value
			c, err := load(env, nil)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), secret[1:], "no key in an error")
			require.Zero(t, c)
		})
	}
}

func TestKeyFile(t *testing.T) {
	_, err := load(map[string]string{"TASKS_KEYS_FILE": "nowhere"}, nil)
	require.ErrorContains(t, err, "TASKS_KEYS_FILE: no such file; name a file that can be read")
	_, err = load(map[string]string{"TASKS_KEYS_FILE": "empty"}, map[string]string{"empty": "# nobody\n"})
	require.ErrorContains(t, err, "TASKS_KEYS_FILE: has no keys")
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, err := load(map[string]string{"TASKS_RATE": "x", "TASKS_TIMEOUT": "x"}, nil)
	for _, name := range []string{"TASKS_KEYS", "TASKS_RATE", "TASKS_TIMEOUT"} {
		require.ErrorContains(t, err, "\n  "+name+": ")
	}
}
