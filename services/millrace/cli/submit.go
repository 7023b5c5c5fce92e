package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
)

// receiptObject is what submit prints under -o json.
type receiptObject struct {
	Type string `json:"type"`
	client.Submitted
	Files []events.Source `json:"files"`
}

// submitFlags are the flags of submit.
type submitFlags struct {
	server         serverFlags
	pipeline, key  string
	name           string
	params, labels []string
	wait, watch    bool
	plain          bool
}

func (p *Program) submitCommand() *cobra.Command {
	var f submitFlags
	cmd := &cobra.Command{
		Use:   "submit FILE|URL|DIGEST|-... [flags]",
		Short: "Hand files in as one job; local files are uploaded first.",
		Long: "A file is a path, an http, https or file address that the server reads, the sha256: digest\n" +
			"of content that the server has, or - for standard input. Repeating a submission with the same\n" +
			"key and content gives the same job. The upload of a file of 16 MiB or more goes on where it was\n" +
			"when the connection breaks.",
		Args: needs("FILE", 0),
		Example: "millrace submit report.pdf --watch\n" +
			"millrace submit a.csv b.csv --pipeline intake --param customer=C000042 --param keep:=true --key order-17 --wait",
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.pipeline, "pipeline", "p", starterDefault, "`NAME` of the pipeline")
	flags.StringArrayVar(&f.params, "param", nil, "`NAME=TEXT or NAME:=JSON`, a parameter of the pipeline; repeatable")
	flags.StringArrayVar(&f.labels, "label", nil, "`NAME=TEXT` to find the job by; repeatable")
	flags.StringVar(&f.key, "key", "", "`KEY`, 1 to 255 bytes, that makes repeating the submission harmless (default a new one)")
	flags.StringVar(&f.name, "name", "", "`NAME` of the file, when there is one file or standard input")
	flags.BoolVar(&f.wait, "wait", false, "wait until the job is final or needs a person")
	flags.BoolVar(&f.watch, "watch", false, "show what happens until then")
	flags.BoolVar(&f.plain, "plain", false, "plain lines instead of bars")
	f.server.add(cmd)
	p.completesPipelines(cmd, &f.server)
	p.takesOutput(cmd)
	return does(cmd, func(ctx context.Context, args []string) error { return p.submit(ctx, &f, args) })
}

// submit uploads what is local, hands the job in, and waits for it when asked.
func (p *Program) submit(ctx context.Context, f *submitFlags, args []string) error {
	inputs, err := p.inputs(args, f.name)
	if err != nil {
		return err
	}
	s := events.Submission{Key: f.key}
	if s.Params, err = parseParams(f.params); err != nil {
		return err
	}
	if s.Labels, err = parseLabels(f.labels); err != nil {
		return err
	}
	if len(f.key) > 255 {
		return usage("--key is longer than 255 bytes")
	}
	c, err := p.connect(f.server)
	if err != nil {
		return err
	}
	// Before anything is uploaded: does the pipeline exist, and the way its
	// steps are shown.
	pipe, err := c.Pipeline(ctx, f.pipeline, "")
	if err != nil {
		return err
	}
	if s.Files, err = p.upload(ctx, c, inputs, f.plain); err != nil {
		return err
	}
	receipt, err := c.Submit(ctx, f.pipeline, s)
	if err != nil {
		p.showEarlier(ctx, c, err)
		return err
	}
	if err := p.printReceipt(receipt, s.Files, f.wait || f.watch); err != nil {
		return err
	}
	switch {
	case f.watch:
		return p.follow(ctx, c, receipt.Job, stepOrder(pipe), f.plain)
	case f.wait:
		return p.await(ctx, c, receipt.Job)
	}
	return nil
}

// printReceipt tells which job it is. Under -o json it prints the receipt; in
// words, the id alone goes to standard output, for scripts.
func (p *Program) printReceipt(r *client.Submitted, files []events.Source, waits bool) error {
	if p.asJSON() {
		return writeJSON(p.Out, receiptObject{"receipt", *r, files})
	}
	if r.Duplicate {
		p.talk.Say("this key made the job before; nothing new was started, it is %s", r.State)
	}
	if !waits {
		if err := written(lines(p.Out, "%s\n", r.Job)); err != nil {
			return err
		}
		p.talk.Say("%s; see it with millrace job watch %s", r.State, r.Job)
	}
	return nil
}

// showEarlier prints the job that a reused key belongs to, as far as it can be had.
func (p *Program) showEarlier(ctx context.Context, c *client.Client, err error) {
	if !fault.Has(err, fault.SubmitKeyReused) {
		return
	}
	o := describe(err)
	if o.Job == "" {
		return
	}
	if j, err := c.Job(ctx, o.Job); err == nil {
		// The conflict itself is what the command returns.
		_ = p.printJob(j, orderOf(ctx, c, j))
	}
}

// await waits until a job is final or needs a person, and prints it.
func (p *Program) await(ctx context.Context, c *client.Client, id string) error {
	j, err := c.WaitFor(ctx, id, func(j *api.Job) bool { return halted(j.Job) })
	if err != nil {
		return err
	}
	return p.conclude(j, orderOf(ctx, c, j))
}

// conclude prints a job that has halted and returns what its state means for the
// exit code.
func (p *Program) conclude(j *api.Job, order []string) error {
	if err := p.printJob(j, order); err != nil {
		return err
	}
	switch j.Job.State {
	case events.JobAttention:
		p.talk.Hint("mend the cause, then millrace job retry " + j.Job.ID + ", or give up with millrace job abandon " + j.Job.ID +
			"; millrace job explain " + j.Job.ID + " says more")
	case events.JobPaused:
		p.talk.Hint("go on with millrace job resume " + j.Job.ID)
	}
	if j.Job.State == events.JobCompleted {
		return nil
	}
	return &jobEnded{j.Job.State}
}

// printJob prints a job as a whole, its steps in the given order.
func (p *Program) printJob(j *api.Job, order []string) error {
	return p.print(jobObject{"job", *j}, func(w io.Writer) error { return writeJob(w, j, order, time.Now()) })
}

// stepOrder returns the steps of a pipeline in the order they are written.
func stepOrder(p *api.Pipeline) []string {
	order := make([]string, len(p.Steps))
	for i, s := range p.Steps {
		order[i] = s.ID
	}
	return order
}
