package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/millrace/doctor"
	"github.com/millrace/millrace/services/millrace/term"
)

// doctorObject is what doctor prints under -o json.
type doctorObject struct {
	Type   string         `json:"type"`
	Status doctor.Status  `json:"status"`
	Checks []doctor.Check `json:"checks"`
}

func (p *Program) doctorCommand() *cobra.Command {
	var server serverFlags
	c := doctor.Config{}
	cmd := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "Check whether this machine is fit to run a mill, and what to do if not.",
		Long:  "Exits with 7 when a check fails; warnings alone exit with 0.",
		Args:  nothing,
		Example: "millrace doctor\n" +
			"millrace doctor --nats nats://10.0.0.5:4222",
	}
	flags := cmd.Flags()
	flags.StringVar(&c.DataDir, "data-dir", DefaultDataDir, "`FOLDER` where the mill would keep its data")
	flags.StringVar(&c.HTTPAddr, "http-addr", DefaultHTTPAddr, "`ADDRESS` where the mill would listen")
	flags.StringVar(&c.NATSAddr, "nats-addr", "", "`ADDRESS` where the mill's own broker would listen")
	flags.StringVar(&c.Broker.URL, "nats", "", "`URL` of an external broker to try")
	flags.StringVar(&c.Broker.Creds, "nats-creds", "", "`PLACE` of the credentials for the broker: a file, or a folder with the keys of roles, each of which is tried")
	flags.DurationVar(&c.Wait, "wait", 3*time.Second, "`TIME` to wait for the broker and for the server")
	server.add(cmd)
	p.takesOutput(cmd)
	return does(cmd, func(ctx context.Context, _ []string) error { return p.doctor(ctx, c, server) })
}

func (p *Program) doctor(ctx context.Context, c doctor.Config, server serverFlags) (err error) {
	c.DataDir = p.absolute(c.DataDir)
	if c.HTTPAddr, err = listenAddr("--http-addr", c.HTTPAddr); err != nil {
		return err
	}
	if c.NATSAddr, err = listenAddr("--nats-addr", c.NATSAddr); err != nil {
		return err
	}
	c.Broker = bus.Options{
		URL: c.Broker.URL, Creds: p.absolute(c.Broker.Creds), Name: "millrace-doctor",
		User: p.Getenv(natsUserEnv), Password: p.Getenv(natsPasswordEnv),
	}
	c.Server, err = p.address(server)
	switch {
	case fault.Has(err, fault.CliNoServer):
		c.NoServer = fault.From(err).Message()
	case err != nil:
		return err
	default:
		if c.Token, err = p.credential(c.Server); err != nil {
			return err
		}
	}
	checks := doctor.Run(ctx, c)
	worst := doctor.Worst(checks)
	err = p.print(doctorObject{"doctor.report", worst, checks}, func(w io.Writer) error {
		return p.printChecks(w, checks)
	})
	if err == nil && worst == doctor.Fail {
		return fault.New(fault.CliCheckFailed, "", nil)
	}
	return err
}

// printChecks prints a table of the checks to w; hints go to standard error.
func (p *Program) printChecks(w io.Writer, checks []doctor.Check) error {
	t := term.NewTable("STATUS", "CHECK", "DETAIL")
	for _, c := range checks {
		t.Row(string(c.Status), c.Name, c.Detail)
	}
	_, err := t.WriteTo(w)
	for _, c := range checks {
		if c.Hint != "" {
			p.talk.Hint(c.Name + ": " + c.Hint)
		}
	}
	return err
}
