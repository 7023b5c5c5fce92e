package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/mill"
	"github.com/millrace/millrace/services/millrace/demo"
	"github.com/millrace/millrace/services/millrace/term"
)

// demoFlags are the flags of demo.
type demoFlags struct {
	keep, plain bool
}

func (p *Program) demoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo [PATH...] [flags]",
		Short: "Run real files through a mill in a temporary folder, and check every result.",
		Long: "Without a PATH it takes a sample of the files below this folder: at most 40 files and 64 MiB,\n" +
			"none hidden. The originals are only read; the results stay in the temporary folder.",
		Example: "millrace demo\n" +
			"millrace demo ~/Pictures report.pdf --keep",
	}
	cmd.Flags().BoolVar(&f.keep, "keep", false, "keep the mill's data, too, to look at it with millrace dev")
	cmd.Flags().BoolVar(&f.plain, "plain", false, "plain lines instead of bars")
	p.takesOutput(cmd)
	return does(cmd, func(ctx context.Context, args []string) error { return p.demo(ctx, f, args) })
}

// demo makes the temporary folder and leaves it behind when it holds results.
func (p *Program) demo(ctx context.Context, f demoFlags, args []string) (err error) {
	picks, err := p.pick(args)
	if err != nil {
		return err
	}
	base, err := os.MkdirTemp("", "millrace-demo-")
	if err != nil {
		return fault.New(fault.MillStartFailed, "make a temporary folder", err)
	}
	leave := false
	defer func() {
		gone := filepath.Join(base, "data")
		switch {
		case f.keep:
			return
		case !leave:
			gone = base
		}
		if rerr := os.RemoveAll(gone); err == nil && rerr != nil {
			err = fault.New(fault.CliWriteFailed, "clean up", rerr)
		}
	}()
	report, err := p.demoIn(ctx, base, f, picks)
	if err != nil {
		return err
	}
	leave = true
	return p.printReport(report, base, f.keep)
}

// demoIn starts the mill, runs the demo, and stops the mill.
func (p *Program) demoIn(ctx context.Context, base string, f demoFlags, picks []demo.Pick) (r *demo.Report, err error) {
	results := filepath.Join(base, "results")
	p.talk.Say("starting a mill in %s", base)
	m, err := p.startMill(ctx, mill.Config{
		DataDir: filepath.Join(base, "data"), PublishDir: results, HTTPAddr: "127.0.0.1:0",
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.stop()) }()
	c, err := dial(m.HTTPURL(), "", "", 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	config := demo.Config{Client: c, Picks: picks, Results: results, Board: demo.NewBoard(picks)}
	show := p.newDemoView(&config, f.plain)
	defer show.end()
	return demo.Run(ctx, config)
}

// pick chooses the files and says which.
func (p *Program) pick(args []string) ([]demo.Pick, error) {
	var picks []demo.Pick
	var err error
	if len(args) == 0 {
		picks, err = demo.Sample(p.Dir)
	} else {
		picks, err = p.pickNamed(args)
	}
	if err != nil {
		return nil, err
	}
	var size int64
	for _, k := range picks {
		size += k.Size
	}
	p.talk.Say("%d %s, %s", len(picks), plural(len(picks), "file", "files"), term.Bytes(size))
	return picks, nil
}

func (p *Program) pickNamed(args []string) ([]demo.Pick, error) {
	paths := make([]string, len(args))
	for i, a := range args {
		paths[i] = p.absolute(a)
	}
	picks, skipped, err := demo.Named(paths)
	for _, s := range skipped {
		p.talk.Warn("left out %s: %s", s.Path, s.Reason)
	}
	return picks, err
}

// demoView shows a running demo: a board on a terminal, a line per file elsewhere.
type demoView struct {
	p    *Program
	live *term.Live
}

func (p *Program) newDemoView(c *demo.Config, plain bool) *demoView {
	v := &demoView{p: p}
	if !plain && term.CanRedraw(p.Err, p.Getenv) {
		paint := term.Paint{On: term.CanColor(p.Err, p.Getenv)}
		board := c.Board
		v.live = term.NewLive(p.Err, func(width, frame int) []string { return board.Lines(width, frame, paint) })
		return v
	}
	total, through := len(c.Picks), 0
	c.Done = func(i demo.Item) {
		through++
		state := string(i.State)
		if i.Err != nil {
			state = i.Err.Error()
		}
		p.talk.Say("[%d/%d] %s, %s: %s in %s", through, total, i.Path, term.Bytes(i.Size), state, term.Took(i.Took))
	}
	return v
}

func (v *demoView) end() {
	if v.live == nil {
		return
	}
	if err := v.live.Stop(); err != nil && !errors.Is(err, context.Canceled) {
		v.p.talk.Warn("the terminal: %s", err.Error())
	}
}

// summary is the line about how fast it went.
func summary(r *demo.Report) string {
	text := fmt.Sprintf("%d jobs, %d records, %s in %s: %.0f jobs/s, %s", len(r.Items), r.Records,
		term.Bytes(r.Bytes), term.Took(r.Took), float64(len(r.Items))/r.Took.Seconds(), term.Rate(r.Bytes, r.Took))
	hiccups, retries := r.Again()
	if hiccups > 0 {
		text += fmt.Sprintf("; %d %s told to fail once and tried again", hiccups, plural(hiccups, "step was", "steps were"))
	}
	if retries > 0 {
		text += fmt.Sprintf("; %d other %s", retries, plural(retries, "retry", "retries"))
	}
	return text
}
