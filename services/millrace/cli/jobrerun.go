package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/millrace/term"
)

// rerunPlanObject is the plan of a rerun under -o json.
type rerunPlanObject struct {
	Type string `json:"type"`
	*api.RerunPlan
}

// rerunFlags are the flags that say how jobs are run again.
type rerunFlags struct {
	from, digest string
	newest       bool
	params       []string
	noReuse      bool
}

// add gives cmd the flags.
func (f *rerunFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "`STEP` that runs again in any case, with all that depend on it")
	flags.BoolVar(&f.newest, "newest", false, "run by the newest version of the pipeline (default the job's own)")
	flags.StringVar(&f.digest, "pipeline-digest", "", "`DIGEST` of the version of the pipeline to run by")
	flags.StringArrayVar(&f.params, "param", nil, "`NAME=TEXT or NAME:=JSON` in the place of the job's own; repeatable")
	flags.BoolVar(&f.noReuse, "no-reuse", false, "run every step again")
}

// given reports whether any of the flags is set.
func (f *rerunFlags) given() bool {
	return f.from != "" || f.newest || f.digest != "" || len(f.params) > 0 || f.noReuse
}

// options checks what the flags hold.
func (f *rerunFlags) options() (o api.RerunOptions, err error) {
	o.FromStep, o.PipelineVersion = f.from, f.digest
	switch {
	case f.from != "" && !events.ValidToken(f.from):
		return o, usage("--from is 1 to 64 of a-z, 0-9, _ and -, not %q", f.from)
	case f.newest && f.digest != "":
		return o, usage("--newest and --pipeline-digest name different versions")
	case f.digest != "" && !strings.HasPrefix(f.digest, "sha256:"):
		return o, usage("--pipeline-digest is the sha256: digest of a version, not %q", f.digest)
	case f.newest:
		o.PipelineVersion = "newest"
	}
	if f.noReuse {
		o.Reuse = new(bool)
	}
	o.Params, err = parseParams(f.params)
	return o, err
}

// jobRerunCommand makes rerun.
func (p *Program) jobRerunCommand() *cobra.Command {
	var server serverFlags
	var f rerunFlags
	var r api.RerunRequest
	var wait bool
	cmd := &cobra.Command{
		Use:   "rerun JOB [flags]",
		Short: "Run a job that has ended again, as another job.",
		Long: "A step is not run again when its stage, configuration and inputs are what they were and what it\n" +
			"did was not taken back; what it did outside stays with the job that did it.",
		Args: needs("JOB", 1),
		Example: "millrace job rerun " + exampleJob + " --newest --dry-run\n" +
			"millrace job rerun " + exampleJob + " --from publish --param folder=out2 --reason \"wrong folder\" --wait",
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&r.Reason, "reason", "", "`TEXT` kept in the new job, at most 1 KiB")
	flags.StringVar(&r.Key, "key", "", "`KEY`, 1 to 255 bytes, that makes repeating the command harmless (default a new one)")
	flags.BoolVar(&r.DryRun, "dry-run", false, "say what would become of each step, and do nothing")
	flags.BoolVar(&wait, "wait", false, "wait until the new job is final or needs a person; the exit code tells how it ended")
	server.add(cmd)
	p.takesOutput(cmd)
	p.completesJobs(cmd, &server)
	return does(cmd, func(ctx context.Context, args []string) (err error) {
		if r.RerunOptions, err = f.options(); err != nil {
			return err
		}
		return p.rerun(ctx, server, args[0], r, wait)
	})
}

// rerun runs a job again, or says what that would do.
func (p *Program) rerun(ctx context.Context, server serverFlags, id string, r api.RerunRequest, wait bool) error {
	if err := brief(r.Reason); err != nil {
		return err
	}
	if len(r.Key) > 255 {
		return usage("--key is longer than 255 bytes")
	}
	c, err := p.connect(server)
	if err != nil {
		return err
	}
	if r.DryRun {
		plan, err := c.RerunPlan(ctx, id, r)
		if err != nil {
			return err
		}
		return p.printRerunPlan(plan)
	}
	receipt, err := c.Rerun(ctx, id, r)
	if err != nil {
		p.showEarlier(ctx, c, err)
		return err
	}
	if err := p.printReceipt(receipt, []events.Source{}, wait); err != nil {
		return err
	}
	if wait {
		return p.await(ctx, c, receipt.Job)
	}
	return nil
}

// printRerunPlan shows what a rerun would do.
func (p *Program) printRerunPlan(plan *api.RerunPlan) error {
	return p.print(rerunPlanObject{"job.rerun_plan", plan}, func(w io.Writer) error {
		t := term.NewTable("STEP", "STAGE", "DECISION", "REASON", "WHY")
		for _, s := range plan.Steps {
			t.Row(s.Step, s.Stage, s.Decision, dash(spaced(string(s.Reason))), s.Why)
		}
		if _, err := t.WriteTo(w); err != nil {
			return err
		}
		return lines(w, "pipeline  %s %s\n", plan.Pipeline.Name, plan.Pipeline.Digest)
	})
}

// rerunText says which job a job runs again.
func rerunText(r *events.Rerun) string {
	text := r.Job
	if r.FromStep != "" {
		text += " from step " + r.FromStep
	}
	if r.Reason != "" {
		text += ": " + term.Clean(r.Reason)
	}
	return text
}

// reuseText says what a rerun decided about a step.
func reuseText(s events.Step) string {
	switch {
	case s.Reuse == nil:
		return "-"
	case s.Reuse.Reused:
		return "of " + s.Reuse.Job
	}
	return "no, " + spaced(string(s.Reuse.Reason))
}

// spaced is a word of the wire for people.
func spaced(word string) string { return strings.ReplaceAll(word, "_", " ") }
