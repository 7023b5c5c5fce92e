package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/deploy/proof/faultproxy"
	"github.com/millrace/millrace/deploy/proof/rig"
	"github.com/millrace/millrace/deploy/s3test/server"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/mill"
	"github.com/millrace/millrace/services/stages/publishs3"
)

const bucket = "chaos"

// hall is everything that a run has.
type hall struct {
	options
	plan      plan
	published string
	s3        *server.Server
	honest    *service
	plain     *service
	files     string // address of the source, through its proxy
	deps      map[string]*faultproxy.Proxy
	fleet     *fleet
	watch     *watch
	client    *client.Client
	person    *person
	closers   []func() error
}

// dependencies are behind proxies.
var dependencies = []string{"files", "honest", "plain", "s3"}

// prove makes a run and says what came of it.
func prove(ctx context.Context, o options) (f *figures, err error) {
	all, links := names()
	h := &hall{options: o, plan: newPlan(o, all, slices.Clone(dependencies), links)}
	fmt.Printf("%d jobs, %d kills, %d faults; seed %d (plan %s)\n", o.jobs, o.kills, o.faults, o.seed, h.plan.digest())
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.open(ctx); err != nil {
		return nil, err
	}
	if err := h.fleet.start(); err != nil {
		return nil, err
	}
	if err := h.apply(ctx); err != nil {
		return nil, err
	}
	if f, err = h.run(ctx, cancel); err != nil {
		return nil, err
	}
	if err := h.judge(ctx, f); err != nil {
		return nil, err
	}
	if err := h.fleet.stop(); err != nil {
		f.violate("%v", err)
	}
	return f, nil
}

// open makes what the mill needs around it, and the mill, which has not started.
func (h *hall) open(ctx context.Context) (err error) {
	dir := h.keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "chaos-"); err != nil {
			return err
		}
		h.later(func() error { return os.RemoveAll(dir) })
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	h.published = filepath.Join(dir, "published")
	if h.s3, err = server.Start(ctx, server.Options{}); err != nil {
		return err
	}
	h.later(h.s3.Close)
	if err := h.s3.MakeBucket(ctx, bucket); err != nil {
		return err
	}
	files := source()
	h.honest, h.plain = newService(true), newService(false)
	h.later(func() error {
		files.Close()
		h.honest.Close()
		h.plain.Close()
		return nil
	})
	h.deps = make(map[string]*faultproxy.Proxy)
	for name, url := range map[string]string{"files": files.URL, "honest": h.honest.URL, "plain": h.plain.URL, "s3": h.s3.URL} {
		p, err := faultproxy.New(strings.TrimPrefix(url, "http://"))
		if err != nil {
			return err
		}
		h.deps[name] = p
	}
	h.files = "http://" + h.deps["files"].Addr()
	h.fleet, err = newFleet(dir, rig.Config{Open: h.options.open, Config: mill.Config{
		ArtifactDir: filepath.Join(dir, "artifacts"), PublishDir: h.published, AllowPrivateNetworks: true,
		Durability: h.durability, CheckpointBytes: checkpoint, ReconcileEvery: 10 * time.Second,
		S3: map[string]publishs3.Endpoint{"default": {
			URL: "http://" + h.deps["s3"].Addr(), Region: h.s3.Region, PathStyle: true,
			AccessKey: h.s3.AccessKey, SecretKey: h.s3.SecretKey,
		}},
	}})
	return err
}

// later remembers what is to be done in the end.
func (h *hall) later(f func() error) { h.closers = append(h.closers, f) }

func (h *hall) close() error {
	var errs []error
	if h.fleet != nil {
		errs = append(errs, h.fleet.stop())
	}
	for _, p := range h.deps {
		p.Close()
	}
	for _, f := range slices.Backward(h.closers) {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// apply connects to the mill and hands in the pipelines.
func (h *hall) apply(ctx context.Context) error {
	conn, err := bus.Connect(ctx, bus.Options{URL: "nats://" + h.fleet.broker, Name: "chaos", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	h.later(conn.Close)
	h.watch = newWatch(conn)
	if h.client, err = client.New(client.Config{Server: h.fleet.front}); err != nil {
		return err
	}
	h.later(h.client.Close)
	h.person = &person{
		watch: h.watch, client: h.client, other: make(map[string]int),
		service: map[string]*service{"charge": h.honest, "tell": h.plain},
	}
	for _, l := range lines {
		src := l.file(h.deps["honest"].Addr(), h.deps["plain"].Addr())
		if _, err := h.client.ApplyPipeline(ctx, l.name, src); err != nil {
			return fmt.Errorf("pipeline %s: %w", l.name, err)
		}
	}
	return nil
}
