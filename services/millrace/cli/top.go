package cli

import (
	"context"
	"io"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/millrace/screen"
	"github.com/millrace/millrace/services/millrace/top"
)

// topObject is a mill at one time under -o json.
type topObject struct {
	Type string `json:"type"`
	*top.Snapshot
}

// topFlags are the flags of top.
type topFlags struct {
	server serverFlags
	query  top.Query
	sort   string
	once   bool
}

func (p *Program) topCommand() *cobra.Command {
	var f topFlags
	cmd := &cobra.Command{
		Use:     "top [flags]",
		Short:   "See the whole mill: jobs, stages, failures, and what people are asked; live on a terminal.",
		Args:    nothing,
		Example: "millrace top\nmillrace top --pipeline intake --once -o json",
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.query.Pipeline, "pipeline", "p", "", "`NAME` of the pipeline whose jobs count (default all)")
	flags.StringVar(&f.sort, "sort", string(api.SortNewest), "`ORDER` of the jobs: newest, updated, oldest, finished or duration")
	flags.BoolVar(&f.query.Open, "open", false, "only jobs that have not ended")
	flags.BoolVar(&f.once, "once", false, "print how it is now and end, as without a terminal")
	f.server.add(cmd)
	p.completesPipelines(cmd, &f.server)
	completesWords(cmd, "sort", api.JobSorts())
	p.takesOutput(cmd)
	return does(cmd, func(ctx context.Context, _ []string) error { return p.top(ctx, f) })
}

// top shows the mill on a screen where there is one, and else how it is now.
func (p *Program) top(ctx context.Context, f topFlags) error {
	if f.query.Sort = api.JobSort(f.sort); !slices.Contains(api.JobSorts(), f.query.Sort) {
		return usage("--sort %q is none of %s", f.sort, joined(api.JobSorts()))
	}
	if err := named("--pipeline", f.query.Pipeline); err != nil {
		return err
	}
	if _, _, ok := p.window(); ok && !f.once && !p.asJSON() {
		return p.topScreen(ctx, f)
	}
	c, err := p.connect(f.server)
	if err != nil {
		return err
	}
	s, err := top.Take(ctx, c, f.query, time.Now())
	if err != nil {
		return err
	}
	return p.print(topObject{"top", s}, func(w io.Writer) error { return top.Write(w, s) })
}

// topScreen shows the mill until the screen is left.
func (p *Program) topScreen(ctx context.Context, f topFlags) error {
	c, err := p.connectWith(f.server, impatient)
	if err != nil {
		return err
	}
	in, out, _ := p.window()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var model *top.Model
	err = screen.Run(ctx, in, out, func(send func(tea.Msg)) tea.Model {
		model = top.New(ctx, top.Config{Server: c, Query: f.query, Paint: p.paint(out), Send: send, Now: time.Now})
		return model
	})
	if err == nil && model.Interrupted {
		return fault.New(fault.CliInterrupted, "", nil)
	}
	return err
}
