package cli

import (
	"context"
	"os"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/millrace/jobscreen"
	"github.com/millrace/millrace/services/millrace/screen"
	"github.com/millrace/millrace/services/millrace/term"
)

// impatient is the patience of a screen's client: the screen itself says that the
// server is away, and asks again.
const impatient = time.Millisecond

// watching are the flags of job watch.
type watching struct {
	server serverFlags
	plain  bool
	stay   bool
}

func (p *Program) jobWatchCommand() *cobra.Command {
	var w watching
	cmd := &cobra.Command{
		Use:     "watch JOB [flags]",
		Short:   "Show what happens to a job until it is final or needs a person; on a terminal, act on it.",
		Args:    needs("JOB", 1),
		Example: "millrace job watch " + exampleJob + "\nmillrace job watch " + exampleJob + " -o json",
	}
	cmd.Flags().BoolVar(&w.plain, "plain", false, "plain lines instead of a screen")
	cmd.Flags().BoolVar(&w.stay, "stay", false, "keep the screen up when the job is final")
	w.server.add(cmd)
	p.takesOutput(cmd)
	p.completesJobs(cmd, &w.server)
	return does(cmd, func(ctx context.Context, args []string) error { return p.watch(ctx, w, args[0]) })
}

// watch shows a job on a screen where there is one, and else in lines.
func (p *Program) watch(ctx context.Context, w watching, id string) error {
	c, err := p.connect(w.server)
	if err != nil {
		return err
	}
	j, err := c.Job(ctx, id)
	if err != nil {
		return err
	}
	in, out, ok := p.window()
	if !ok || w.plain || p.asJSON() {
		return p.follow(ctx, c, id, orderOf(ctx, c, j), w.plain)
	}
	pipe := pipelineOf(ctx, c, j)
	if !flow.Final(j.Job.State) || w.stay {
		live, err := p.connectWith(w.server, impatient)
		if err != nil {
			return err
		}
		if err := p.showJob(ctx, in, out, live, pipe, w.stay, id); err != nil {
			return err
		}
		if j, err = c.Job(ctx, id); err != nil {
			return err
		}
	}
	var order []string
	if pipe != nil {
		order = stepOrder(pipe)
	}
	return p.conclude(j, order)
}

// showJob shows a job on a screen until it is left.
func (p *Program) showJob(
	ctx context.Context, in, out *os.File, c *client.Client, pipe *api.Pipeline, stay bool, id string,
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	return screen.Run(ctx, in, out, func(send func(tea.Msg)) tea.Model {
		return leaving{jobscreen.New(ctx, jobscreen.Config{
			Server: c, ID: id, Pipeline: pipe, Paint: p.paint(out), Stay: stay, Send: send, Now: time.Now,
		}), cancel}
	})
}

// leaving is a job's screen that is the only one: leaving it ends the program.
type leaving struct {
	*jobscreen.Model
	cancel context.CancelCauseFunc
}

// Update takes a message.
func (l leaving) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if e, ok := msg.(jobscreen.Ended); ok {
		if e.Interrupted {
			l.cancel(fault.New(fault.CliInterrupted, "", nil))
		}
		return l, tea.Quit
	}
	_, cmd := l.Model.Update(msg)
	return l, cmd
}

// window returns the terminal that a screen can be shown on and keys come from, if
// there is one.
func (p *Program) window() (in, out *os.File, ok bool) {
	in, hasIn := p.In.(*os.File)
	out, hasOut := p.Out.(*os.File)
	ok = hasIn && hasOut && term.IsTerminal(in) && term.CanRedraw(out, p.Getenv)
	return in, out, ok
}

// paint returns the colors for what is written to out.
func (p *Program) paint(out *os.File) term.Paint {
	return term.Paint{On: term.CanColor(out, p.Getenv)}
}

// pipelineOf returns the pipeline of a job, or nil when it cannot be had.
func pipelineOf(ctx context.Context, c *client.Client, j *api.Job) *api.Pipeline {
	pipe, err := c.Pipeline(ctx, j.Job.Pipeline.Name, j.Job.Pipeline.Digest)
	if err != nil {
		return nil
	}
	return pipe
}
