package cli

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/services/mill"
)

func (p *Program) serveCommand() *cobra.Command {
	var f millFlags
	var roles []string
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "Run some or all roles against a broker that others share.",
		Long: "Roles are all, gateway, conductor, notifier, stages and stage:NAME. Processes that\n" +
			"share work share the artifact folder, too. Off loopback, HTTP takes --auth keys and TLS,\n" +
			"unless it is said plainly that something else protects it.\n\n" +
			"With OTEL_EXPORTER_OTLP_ENDPOINT in the environment, spans are sent there by OTLP over HTTP:\n" +
			"one trace per job. The other variables of OpenTelemetry hold too.",
		Args: nothing,
		Example: "millrace serve --roles gateway,conductor --nats nats://10.0.0.5:4222 --artifact-dir /srv/millrace \\\n" +
			"    --http-addr 0.0.0.0:7420 --auth keys --tls-cert mill.crt --tls-key mill.key\n" +
			"millrace serve --roles stage:compress,stage:hash --nats nats://10.0.0.5:4222 --artifact-dir /srv/millrace",
	}
	flags := cmd.Flags()
	c := &f.config
	flags.StringSliceVar(&roles, "roles", []string{mill.RoleAll}, "`LIST` of roles, separated by commas")
	flags.StringVar(&c.NATSURL, "nats", "", "`URL` of the broker, 2.12 or newer (default: an embedded one)")
	flags.StringVar(&c.NATSCreds, "nats-creds", "", "`PLACE` of the credentials for the broker: a file, or a folder with the key of each role, see millrace broker users")
	flags.StringVar(&c.NATSListen, "nats-addr", "", "`ADDRESS` that opens the embedded broker to other processes")
	flags.StringVar(&c.DataDir, "data-dir", DefaultDataDir, "`FOLDER` for scratch files, and for all that has no folder of its own")
	flags.StringVar(&f.http, "http-addr", DefaultHTTPAddr, "`ADDRESS` for HTTP, host:port or a loopback port; only with the role gateway")
	f.issuer.add(cmd)
	flags.StringVar(&c.TLSCert, "tls-cert", "", "`FILE` with the certificate for HTTPS, PEM; read again when it changes")
	flags.StringVar(&c.TLSKey, "tls-key", "", "`FILE` with the key of the certificate")
	flags.StringVar(&c.Durability, "durability", "always", "always or relaxed: `WHEN` a record counts, synced to disk or merely written")
	flags.DurationVar(&c.Retention, "retention", 0, "`TIME` the records of a job are kept (default 720h)")
	flags.IntVar(&c.Replicas, "replicas", 1, "`COUNT` of copies of every stream in a cluster")
	f.add(cmd, mill.AuthNone)
	p.takesOutput(cmd)
	return does(cmd, func(ctx context.Context, _ []string) error {
		c.Roles = roles
		return p.serve(ctx, &f)
	})
}

// serve runs the roles until ctx ends. The user and password of the broker come
// from the environment, so that no list of processes shows them.
func (p *Program) serve(ctx context.Context, f *millFlags) (err error) {
	c, err := f.build(p)
	if err != nil {
		return err
	}
	if len(c.Roles) == 0 {
		return usage("--roles is empty")
	}
	c.NATSCreds = p.absolute(c.NATSCreds)
	c.NATSUser, c.NATSPassword = p.Getenv(natsUserEnv), p.Getenv(natsPasswordEnv)
	m, err := p.startMill(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.stop()) }()
	ready := readyObject{
		Type: "serve.ready", HTTP: m.HTTPURL(), NATS: bareURL(m.BrokerURL()), Metrics: m.MetricsURL(), Data: c.DataDir,
		PID: os.Getpid(), Roles: c.Roles, FirstKey: m.FirstKey(),
	}
	if p.asJSON() {
		if err := writeJSON(p.Out, ready); err != nil {
			return err
		}
	} else {
		if ready.FirstKey != "" {
			p.talk.Say("the first key, for everything, is in %s; make others with it and revoke it", ready.FirstKey)
		}
		p.talk.Say("ready: %s%s%s", strings.Join(c.Roles, ", "), label(" at ", ready.HTTP), label(", broker ", ready.NATS)+label(", metrics ", ready.Metrics))
	}
	return p.untilStopped(ctx, m)
}

// label puts a word in front of a value that is not empty.
func label(word, value string) string {
	if value == "" {
		return ""
	}
	return word + value
}

// bareURL drops user, password and query from an address that is printed.
func bareURL(list string) string {
	var out []string
	for raw := range strings.SplitSeq(list, ",") {
		if u, err := url.Parse(raw); err == nil && u.Host != "" {
			raw = u.Scheme + "://" + u.Host
		}
		out = append(out, raw)
	}
	return strings.Join(out, ",")
}
