package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/pressure"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/tracing"
	"github.com/millrace/millrace/services/mill"
	"github.com/millrace/millrace/services/stages/publishs3"
)

// millFlags are what millrace dev and millrace serve have in common.
type millFlags struct {
	config   mill.Config
	http     string
	interval string   // of checkpoints
	stores   []string // NAME=URL of object stores
	low      string   // marks of free disk space
	park     string
	logLevel string
	logJSON  bool
	issuer   issuerFlags
}

// add gives cmd the flags. auth is who may use the HTTP door unless it is said.
func (f *millFlags) add(cmd *cobra.Command, auth string) {
	flags := cmd.Flags()
	c := &f.config
	f.addDoor(cmd, auth)
	flags.StringVar(&c.MetricsAddr, "metrics-addr", "", "`ADDRESS` of a second door with /metrics, /livez and /readyz that asks nobody for a key, host:port or a loopback port")
	flags.StringArrayVar(&c.AllowPaths, "allow-path", nil, "`FOLDER` below which file:// sources may be read; repeatable")
	flags.StringArrayVar(&c.AllowCommands, "allow-command", nil, "`PROGRAM` that the command stage may run; repeatable")
	flags.BoolVar(&c.AllowPrivateNetworks, "allow-private-networks", false, "let fetch, http-call and webhooks reach loopback and private addresses")
	flags.StringVar(&c.PublishDir, "publish-dir", "", "`FOLDER` below which publish writes (default published in the data directory)")
	flags.StringVar(&c.ArtifactDir, "artifact-dir", "", "`FOLDER` of the artifact store (default artifacts in the data directory)")
	flags.StringVar(&c.Views, "views", "", "`PLACE` of the list of jobs: a folder, or postgres://… (default $MILLRACE_VIEWS, or views in the data directory)")
	flags.StringVar(&c.EncryptSecretFile, "encrypt-secret", "", "`FILE` that keeps the keys of unfinished files and the secrets of webhooks from readers of the store (default encrypt.secret in the data directory)")
	flags.StringArrayVar(&c.IdentityFiles, "identity", nil, "`FILE` with age secret keys that the decrypt stage may use; repeatable")
	flags.StringArrayVar(&f.stores, "s3", nil, "`NAME=URL?OPTIONS` of an object store for publish-s3, such as backup=https://s3.example.org?region=eu-1&path_style=true&credentials=FILE; repeatable")
	flags.StringVar(&f.low, "disk-low", "512MiB", "`ROOM` on each disk below which new jobs and uploads are refused, as a size, a share such as 5%, or off")
	flags.StringVar(&f.park, "disk-park", "256MiB", "`ROOM` on each disk below which stages that write files rest until there is more")
	flags.IntVar(&c.Slots, "slots", 0, "`COUNT` of attempts of each stage at once, 0 leaves it to the stage")
	flags.DurationVar(&c.AckWait, "ack-wait", 2500*time.Millisecond, "`TIME` until the work of a silent worker goes to another")
	flags.DurationVar(&c.Drain, "drain", time.Second, "`TIME` running attempts may go on after a stop")
	flags.StringVar(&f.interval, "checkpoint-bytes", "16MiB", "`SIZE` of the work that a crash may cost a step, or off to save nothing")
	flags.DurationVar(&c.CheckpointEvery, "checkpoint-every", 10*time.Second, "`TIME` a step that moves saves nothing at most")
	flags.StringVar(&f.logLevel, "log-level", "warn", "`LEVEL` of the log: debug, info, warn or error")
	flags.BoolVar(&f.logJSON, "log-json", false, "write the log as JSON lines")
}

// build completes the configuration: relative folders are made absolute, bare
// ports get the loopback address, and the log goes to standard error.
func (f *millFlags) build(p *Program) (mill.Config, error) {
	c := f.config
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return c, usage("--log-level is debug, info, warn or error, not %q", f.logLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	c.Log = slog.New(slog.NewTextHandler(p.Err, options))
	if f.logJSON {
		c.Log = slog.New(slog.NewJSONHandler(p.Err, options))
	}
	if err := f.checkNumbers(); err != nil {
		return c, err
	}
	size, err := checkpointSize(f.interval)
	if err != nil {
		return c, err
	}
	c.CheckpointBytes = size
	if c.DiskLow, err = pressure.ParseMark(f.low); err != nil {
		return c, usage("--disk-low: %s", err)
	}
	if c.DiskPark, err = pressure.ParseMark(f.park); err != nil {
		return c, usage("--disk-park: %s", err)
	}
	if c.S3, err = endpoints(f.stores); err != nil {
		return c, err
	}
	if tracing.Wanted(p.Getenv) {
		c.Traces = new(tracing.Options)
	}
	if c.OIDC, err = f.issuer.build(); err != nil {
		return c, err
	}
	if c.Drain == 0 {
		c.Drain = -1 // for the mill, 0 is the default
	}
	for _, dir := range []*string{&c.DataDir, &c.PublishDir, &c.ArtifactDir} {
		*dir = p.absolute(*dir)
	}
	if c.Views == "" {
		c.Views = p.Getenv(viewsEnv)
	}
	if !strings.Contains(c.Views, "://") {
		c.Views = p.absolute(c.Views)
	}
	for _, file := range []*string{&c.EncryptSecretFile, &c.TLSCert, &c.TLSKey} {
		*file = p.absolute(*file)
	}
	for _, list := range [][]string{c.AllowPaths, c.IdentityFiles} {
		for i, path := range list {
			list[i] = p.absolute(path)
		}
	}
	if c.HTTPAddr, err = listenAddr("--http-addr", f.http); err != nil {
		return c, err
	}
	if c.MetricsAddr, err = listenAddr("--metrics-addr", c.MetricsAddr); err != nil {
		return c, err
	}
	c.NATSListen, err = listenAddr("--nats-addr", c.NATSListen)
	return c, err
}

// checkNumbers refuses numbers that make no sense, or that would silently mean the
// default.
func (f *millFlags) checkNumbers() error {
	c := f.config
	switch {
	case c.Slots < 0:
		return usage("--slots is 0 or more, not %d", c.Slots)
	case c.AckWait < 100*time.Millisecond:
		return usage("--ack-wait is 100ms or more, not %s", c.AckWait)
	case c.Drain < 0:
		return usage("--drain is 0 or more, not %s", c.Drain)
	case c.CheckpointEvery < time.Millisecond:
		return usage("--checkpoint-every is 1ms or more, not %s", c.CheckpointEvery)
	case c.Retention < 0:
		return usage("--retention is 0 or more, not %s", c.Retention)
	case c.Replicas < 0 || c.Replicas > 5:
		return usage("--replicas is 1 to 5, not %d", c.Replicas)
	}
	return nil
}

// endpoints reads the object stores of --s3.
func endpoints(texts []string) (map[string]publishs3.Endpoint, error) {
	all := make(map[string]publishs3.Endpoint, len(texts))
	for _, text := range texts {
		name, e, err := publishs3.ParseEndpoint(text, os.Getenv)
		if err != nil {
			return nil, usage("--s3: %v", err)
		}
		if _, twice := all[name]; twice {
			return nil, usage("--s3 names %s twice", name)
		}
		all[name] = e
	}
	return all, nil
}

// checkpointSize reads a size, or off.
func checkpointSize(text string) (int64, error) {
	if text == "off" {
		return -1, nil
	}
	n, err := stage.ParseBytes(text)
	if err != nil || n < 1<<20 {
		return 0, usage("--checkpoint-bytes is 1MiB or more, or off, not %q", text)
	}
	return n, nil
}

// absolute makes a path absolute. Empty stays empty.
func (p *Program) absolute(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(p.Dir, path)
}

// listenAddr completes an address to listen at: "7420" and ":7420" are on
// loopback; all interfaces are 0.0.0.0:7420. Empty stays empty.
func listenAddr(flag, addr string) (string, error) {
	if addr == "" {
		return "", nil
	}
	if !strings.Contains(addr, ":") {
		addr = ":" + addr
	}
	host, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil || port == "" {
		return "", usage("%s is host:port or a port, not %q", flag, addr)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// running is a mill that runs beside the command.
type running struct {
	*mill.Mill
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// slowStart is how long a start may take without a word.
const slowStart = 2 * time.Second

// startMill starts a mill and returns when it takes work, or with the error that
// kept it from starting. When that takes long it says so. The mill does not end
// with ctx: its owner calls stop.
func (p *Program) startMill(ctx context.Context, c mill.Config) (*running, error) {
	m, err := mill.New(c)
	if err != nil {
		return nil, err
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &running{Mill: m, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.err = m.Run(own)
	}()
	slow := time.NewTimer(slowStart)
	defer slow.Stop()
	for {
		select {
		case <-m.Ready():
			return r, nil
		case <-r.done:
			cancel()
			return nil, r.err
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), r.stop())
		case <-slow.C:
			p.talk.Say("still starting, %s", waitsFor(c))
		}
	}
}

// waitsFor names what a slow start is likely to wait for.
func waitsFor(c mill.Config) string {
	if c.NATSURL != "" {
		return "waiting for the broker at " + bareURL(c.NATSURL)
	}
	return "reading the streams in " + c.DataDir
}

// stop ends the mill in good order and returns what it complained of. It may be
// called twice.
func (r *running) stop() error {
	r.cancel()
	<-r.done
	if r.err != nil {
		return &stopError{r.err}
	}
	return nil
}

// stopError is the error of a mill that ended otherwise than it was told to. It
// counts even when the command itself was interrupted.
type stopError struct{ err error }

// Error returns the text of the cause.
func (e *stopError) Error() string { return "stop the mill: " + e.err.Error() }

// Unwrap returns the cause.
func (e *stopError) Unwrap() error { return e.err }
