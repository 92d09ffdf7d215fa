// Api is a small REST service as it would go into production: tasks with
// validation, pages, concurrency control by entity tags, keys, limits, probes,
// metrics and a graceful end. README.md shows a conversation with it.
//
// The rules stand in internal/domain, what can be done in internal/service,
// what they need from the world in internal/ports. internal/adapters fits the
// world to that; only this file knows all of them.
//
//	export TASKS_KEYS=me=$(openssl rand -hex 24)
//	go run ./examples/api
//	curl -i -H "Authorization: Bearer ${TASKS_KEYS#me=}" http://127.0.0.1:8080/v1/tasks
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/examples/api/internal/adapters/memory"
	"wherry.example/wherry/examples/api/internal/adapters/rest"
	"wherry.example/wherry/examples/api/internal/config"
	"wherry.example/wherry/examples/api/internal/service"
	"wherry.example/wherry/middleware"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	flag.Parse()

	cfg, err := config.Load(os.LookupEnv, os.ReadFile)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	log := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: cfg.LogLevel}))
	log.Info("configuration", slog.Any("config", cfg))
	api, ops := assemble(cfg, log)
	api.Engine(engine.Kind(*kind))
	if err := run(api, *addr, ops, cfg.OpsAddr); err != nil {
		log.Error("ended badly", slog.Any("error", err))
		os.Exit(1)
	}
	log.Info("ended well")
}

// assemble fits the adapters to the service. For a database put another
// ports.Tasks in the place of memory.Tasks.
func assemble(cfg config.Config, log *slog.Logger) (api, ops *wherry.App) {
	tasks := &memory.Tasks{}
	metrics := middleware.Metrics()
	api = rest.New(rest.Options{
		Service:        service.New(tasks, time.Now, cfg.Quota),
		Ready:          tasks.Ping,
		Keys:           cfg.Keys,
		Origins:        cfg.Origins,
		TrustedProxies: cfg.TrustedProxies,
		Rate:           cfg.Rate,
		Timeout:        cfg.Timeout,
		ShutdownDelay:  cfg.ShutdownDelay,
		Shutdown:       cfg.Shutdown,
		Metrics:        metrics,
		Logger:         log,
	})
	return api, rest.NewOps(metrics, log)
}

// run serves both apps until SIGINT or SIGTERM. The one for operators ends
// last, so that they can watch the other one drain; if it cannot be served,
// both end.
func run(api *wherry.App, addr string, ops *wherry.App, opsAddr string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if opsAddr == "" {
		return api.Run(ctx, addr)
	}
	opsCtx, stopOps := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- ops.Run(opsCtx, opsAddr)
		stop()
	}()
	err := api.Run(ctx, addr)
	stopOps()
	return errors.Join(err, <-ended)
}
