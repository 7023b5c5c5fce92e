package cli

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/mill"
)

// DefaultHTTPAddr is where millrace dev and serve listen for HTTP unless told
// otherwise.
const DefaultHTTPAddr = "127.0.0.1:7420"

// readyObject is what dev and serve print under -o json when they take work.
type readyObject struct {
	Type string `json:"type"`
	HTTP string `json:"http,omitempty"`
	NATS string `json:"nats,omitempty"`
	// Metrics is the address of the second door, for those who watch.
	Metrics string `json:"metrics,omitempty"`
	Data    string `json:"data_dir"`
	PID     int    `json:"pid"`
	// Unfinished counts the jobs that go on from an earlier start.
	Unfinished int      `json:"unfinished"`
	Pipelines  []string `json:"pipelines,omitempty"`
	Roles      []string `json:"roles,omitempty"`
	// FirstKey is the file with the first key, when this start has made it.
	FirstKey string `json:"first_key,omitempty"`
}

func (p *Program) devCommand() *cobra.Command {
	var f millFlags
	cmd := &cobra.Command{
		Use:   "dev [flags]",
		Short: "Run everything in one process, with its own broker, until it is interrupted.",
		Args:  nothing,
		Example: "millrace dev\n" +
			"millrace dev --data-dir /var/lib/millrace --nats-addr 4222",
	}
	flags := cmd.Flags()
	flags.StringVar(&f.config.DataDir, "data-dir", DefaultDataDir, "`FOLDER` for streams, artifacts and results")
	flags.StringVar(&f.http, "http-addr", DefaultHTTPAddr, "`ADDRESS` for HTTP, host:port or a loopback port; 0 takes any free one")
	flags.StringVar(&f.config.NATSListen, "nats-addr", "", "`ADDRESS` that opens the broker to other processes, host:port or a loopback port")
	flags.StringVar(&f.config.Durability, "durability", "always", "always or relaxed: `WHEN` a record counts, synced to disk or merely written")
	f.add(cmd, mill.AuthLocal)
	p.takesOutput(cmd)
	return does(cmd, func(ctx context.Context, _ []string) error {
		return p.dev(ctx, &f, flags.Changed("http-addr"))
	})
}

// dev runs a whole mill until ctx ends. A default address that is taken gives
// way to a free one; an address that was asked for does not.
func (p *Program) dev(ctx context.Context, f *millFlags, asked bool) (err error) {
	f.config.MakeLocalKey = true
	c, err := f.build(p)
	if err != nil {
		return err
	}
	if len(c.AllowPaths) == 0 {
		c.AllowPaths = []string{p.Dir}
	}
	if !asked && taken(c.HTTPAddr) {
		p.talk.Say("%s is taken, using a free port", c.HTTPAddr)
		c.HTTPAddr = "127.0.0.1:0"
	}
	m, err := p.startMill(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.stop()) }()
	ready := readyObject{
		Type: "dev.ready", HTTP: m.HTTPURL(), NATS: m.BrokerURL(), Metrics: m.MetricsURL(), Data: c.DataDir, PID: os.Getpid(),
	}
	if err := p.prepare(ctx, &ready); err != nil {
		return err
	}
	if err := writeRunFile(c.DataDir, RunFile{ready.HTTP, ready.NATS, ready.PID}); err != nil {
		return fault.New(fault.MillStartFailed, "write "+runFileName, err)
	}
	defer func() { err = errors.Join(err, removeRunFile(c.DataDir)) }()
	if err := p.announceDev(ready); err != nil {
		return err
	}
	return p.untilStopped(ctx, m)
}

// prepare counts the unfinished jobs and applies the starter pipelines that are
// not there yet.
func (p *Program) prepare(ctx context.Context, ready *readyObject) error {
	key, err := readPrivate(filepath.Join(ready.Data, mill.LocalKeyFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.MillStartFailed, "read the local key", err)
	}
	c, err := dial(ready.HTTP, "", strings.TrimSpace(string(key)), 0)
	if err != nil {
		return err
	}
	if ready.Unfinished, err = unfinished(ctx, c); err != nil {
		return err
	}
	ready.Pipelines, err = applyStarters(ctx, c)
	return err
}

// announceDev says where the mill is and what to try first.
func (p *Program) announceDev(r readyObject) error {
	if p.asJSON() {
		return writeJSON(p.Out, r)
	}
	p.talk.Say("ready at %s, data in %s", r.HTTP, r.Data)
	if r.Metrics != "" {
		p.talk.Say("metrics at %s/metrics", r.Metrics)
	}
	if r.NATS != "" {
		p.talk.Say("broker at %s, submit to %s", r.NATS, events.SubmitSubject(events.DefaultTenant, starterDefault))
	}
	if r.Unfinished > 0 {
		p.talk.Say("continuing %d unfinished %s", r.Unfinished, plural(r.Unfinished, "job", "jobs"))
	}
	try := "millrace submit FILE --watch"
	if _, path, found := findRunFile(p.Dir); !found || path != r.Data+"/"+runFileName {
		try = serverEnv + "=" + r.HTTP + " " + try
	}
	p.talk.Say("try: %s", try)
	p.talk.Say("stop with Ctrl-C; unfinished jobs go on at the next start")
	return nil
}

// untilStopped waits for the end of ctx, which is the good end, or of the mill.
func (p *Program) untilStopped(ctx context.Context, m *running) error {
	select {
	case <-ctx.Done():
		p.talk.Say("stopping")
		return nil
	case <-m.done:
		return m.err
	}
}

// taken reports whether somebody listens at addr already.
func taken(addr string) bool {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return true
	}
	return l.Close() != nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
