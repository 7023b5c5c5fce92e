package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/millrace/term"
)

// planObject is the plan of a rollback under -o json.
type planObject struct {
	Type string `json:"type"`
	*api.Rollback
}

// rollbackFlags are the flags of job rollback.
type rollbackFlags struct {
	server       serverFlags
	plan, reason string
	irreversible bool
	yes, wait    bool
}

// jobRollbackCommand makes rollback, which never does what nobody has looked at.
func (p *Program) jobRollbackCommand() *cobra.Command {
	var f rollbackFlags
	cmd := &cobra.Command{
		Use:   "rollback JOB [flags]",
		Short: "Take back what a completed or partial job did.",
		Long: "Without --plan-digest or --yes it prints the plan and asks on a terminal; elsewhere it prints how\n" +
			"to confirm the plan, and nothing is done.",
		Args: needs("JOB", 1),
		Example: "millrace job rollback " + exampleJob + "\n" +
			"millrace job rollback " + exampleJob + " --plan-digest sha256:9f86d0… --reason \"wrong customer\" --wait\n" +
			"millrace job rollback " + exampleJob + " --yes --reason \"wrong customer\" --accept-irreversible",
	}
	flags := cmd.Flags()
	flags.StringVar(&f.plan, "plan-digest", "", "`DIGEST` of the plan to carry out, as it was printed")
	flags.BoolVar(&f.yes, "yes", false, "carry the plan out as it is now, without asking")
	flags.StringVar(&f.reason, "reason", "", "`TEXT` kept in the job's history, at most 1 KiB; required")
	flags.BoolVar(&f.irreversible, "accept-irreversible", false, "leave what cannot be taken back, and take back the rest")
	flags.BoolVar(&f.wait, "wait", false, "wait until the job is final or needs a person; the exit code tells how it ended")
	f.server.add(cmd)
	p.takesOutput(cmd)
	p.completesJobs(cmd, &f.server)
	return does(cmd, func(ctx context.Context, args []string) error { return p.rollback(ctx, &f, args[0]) })
}

// rollback reads the plan, has it confirmed, and carries it out.
func (p *Program) rollback(ctx context.Context, f *rollbackFlags, id string) error {
	confirmed := f.yes || f.plan != ""
	if err := brief(f.reason); err != nil {
		return err
	}
	if confirmed && f.reason == "" {
		return usage("--reason says why; it is kept in the job's history")
	}
	c, err := p.connect(f.server)
	if err != nil {
		return err
	}
	plan, err := c.RollbackPlan(ctx, id)
	if err != nil {
		return err
	}
	if !confirmed {
		if err := p.printPlan(plan); err != nil {
			return err
		}
		if err := p.askForRollback(ctx, f, plan); err != nil {
			return err
		}
	}
	o := api.Order{Plan: f.plan, Reason: f.reason, Irreversible: f.irreversible}
	if o.Plan == "" {
		o.Plan = plan.Digest
	}
	j, err := c.Rollback(ctx, id, plan.Revision, o)
	if err != nil {
		return err
	}
	if f.wait && j.Revision <= plan.Revision {
		// The job still shows its old end; the next revision is the rollback's.
		j, err = c.WaitFor(ctx, id, func(j *api.Job) bool { return j.Revision > plan.Revision })
		if err != nil {
			return err
		}
	}
	return p.acted(ctx, c, j, f.wait)
}

// printPlan shows what a rollback would do.
func (p *Program) printPlan(plan *api.Rollback) error {
	return p.print(planObject{"job.rollback_plan", plan}, func(w io.Writer) error {
		t := term.NewTable("STEP", "STAGE", "ATTEMPT", "DONE", "TAKEN BACK")
		for _, s := range plan.Steps {
			back := "yes"
			if !s.Reversible {
				back = "no, it stays"
			}
			t.Row(s.Step, s.Stage, fmt.Sprint(s.Attempt), dash(filesText(s.Files)), back)
		}
		if _, err := t.WriteTo(w); err != nil {
			return err
		}
		return lines(w, "plan  %s\n", plan.Digest)
	})
}

// askForRollback has a person confirm the plan on a terminal, and elsewhere says
// how. Fault: cli.not_confirmed.
func (p *Program) askForRollback(ctx context.Context, f *rollbackFlags, plan *api.Rollback) error {
	stays := hasIrreversible(plan)
	unconfirmed := fault.New(fault.CliNotConfirmed, "rollback of job "+plan.Job, nil)
	if p.asJSON() {
		return unconfirmed // the plan is printed, and has the digest to confirm
	}
	in, ok := p.In.(*os.File)
	if !ok || !term.IsTerminal(in) || !term.IsTerminal(p.Err) {
		p.talk.Hint("to carry it out: " + confirmation(f, plan, stays))
		return unconfirmed
	}
	if f.reason == "" {
		reason, err := term.Ask(ctx, in, p.Err, "why is it rolled back? ")
		if err != nil || reason == "" || len(reason) > 1024 {
			return cmp.Or(err, error(unconfirmed))
		}
		f.reason = reason
	}
	question := "take this back? yes or no: "
	if stays {
		question = "some of it stays for good; take the rest back? yes or no: "
	}
	answer, err := term.Ask(ctx, in, p.Err, question)
	if err != nil || answer != "yes" {
		return cmp.Or(err, error(unconfirmed))
	}
	f.irreversible = f.irreversible || stays
	return nil
}

// confirmation is the command line that carries a plan out.
func confirmation(f *rollbackFlags, plan *api.Rollback, stays bool) string {
	reason := "TEXT"
	if f.reason != "" {
		reason = "'" + strings.ReplaceAll(f.reason, "'", `'\''`) + "'"
	}
	line := "millrace job rollback " + plan.Job + " --plan-digest " + plan.Digest + " --reason " + reason
	if stays {
		line += " --accept-irreversible"
	}
	return line
}

func hasIrreversible(plan *api.Rollback) bool {
	for _, s := range plan.Steps {
		if !s.Reversible {
			return true
		}
	}
	return false
}
