package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/millrace/term"
)

// What the commands print under -o json.
type (
	countsObject struct {
		Type string `json:"type"`
		api.Counts
	}
	failuresObject struct {
		Type string `json:"type"`
		api.Failures
	}
	recoveryObject struct {
		Type string `json:"type"`
		api.Recoveries
	}
	throughputObject struct {
		Type string `json:"type"`
		api.Throughput
	}
)

func (p *Program) statsCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "stats",
		Short:   "Count jobs, and see what fails, how soon it recovers and how much goes through.",
		Example: "millrace stats jobs\nmillrace stats failures --since 24h\nmillrace stats recovery --by day",
	},
		p.statsJobsCommand(),
		statsOf(p, "failures", "List faults by how often they happened, and how many jobs have them now.",
			(*client.Client).Failures, failureTable, func(f *api.Failures) any {
				return failuresObject{"stats.failures", *f}
			}),
		statsOf(p, "recovery", "Show how long jobs were in trouble, by the hour or the day.",
			(*client.Client).Recovery, recoveryTable, func(r *api.Recoveries) any {
				return recoveryObject{"stats.recovery", *r}
			}),
		statsOf(p, "throughput", "Show how many jobs came, ended and failed, by the hour or the day.",
			(*client.Client).Throughput, throughputTable, func(f *api.Throughput) any {
				return throughputObject{"stats.throughput", *f}
			}),
	)
}

// statsFlags are the flags of a command that shows numbers of a span of time.
type statsFlags struct {
	api.StatsQuery
	since, until string
}

func (f *statsFlags) complete(now time.Time) (err error) {
	if f.By != api.ByHour && f.By != api.ByDay {
		return usage("--by is hour or day, not %q", f.By)
	}
	if err := named("--pipeline", f.Pipeline); err != nil {
		return err
	}
	if f.Since, err = parseSince("--since", f.since, now); err != nil {
		return err
	}
	f.Until, err = parseSince("--until", f.until, now)
	return err
}

// statsOf makes the command that shows numbers of a span of time.
func statsOf[T any](
	p *Program, name, short string,
	ask func(*client.Client, context.Context, api.StatsQuery) (*T, error), table func(*T) *term.Table,
	object func(*T) any,
) *cobra.Command {
	var f statsFlags
	cmd := &cobra.Command{
		Use: name + " [flags]", Short: short, Args: nothing,
		Example: "millrace stats " + name + "\nmillrace stats " + name + " --since 720h --by day -o json",
	}
	flags := cmd.Flags()
	flags.StringVar(&f.since, "since", "", "`TIME` at which to begin, like 2h or 2026-01-02T03:04:05Z (default 24h, or 720h by the day)")
	flags.StringVar(&f.until, "until", "", "`TIME` at which to end, like --since (default now)")
	flags.StringVar(&f.By, "by", api.ByHour, "`SPAN` of one line: hour or day")
	flags.StringVarP(&f.Pipeline, "pipeline", "p", "", "`NAME` of the pipeline (default all)")
	p.completesPipelines(cmd, &p.server)
	completesWords(cmd, "by", []string{api.ByHour, api.ByDay})
	checks(cmd, func() error { return f.complete(time.Now()) })
	return p.asks(cmd, func(ctx context.Context, c *client.Client, _ []string) error {
		answer, err := ask(c, ctx, f.StatsQuery)
		if err != nil {
			return err
		}
		return p.print(object(answer), func(w io.Writer) error {
			_, err := table(answer).WriteTo(w)
			return err
		})
	})
}

func (p *Program) statsJobsCommand() *cobra.Command {
	var pipeline string
	cmd := &cobra.Command{
		Use: "jobs [flags]", Short: "Count the jobs there are now, by pipeline and state.", Args: nothing,
		Example: "millrace stats jobs\nmillrace stats jobs --pipeline intake -o json",
	}
	cmd.Flags().StringVarP(&pipeline, "pipeline", "p", "", "`NAME` of the pipeline (default all)")
	p.completesPipelines(cmd, &p.server)
	checks(cmd, func() error { return named("--pipeline", pipeline) })
	return p.asks(cmd, func(ctx context.Context, c *client.Client, _ []string) error {
		counts, err := c.Counts(ctx, pipeline)
		if err != nil {
			return err
		}
		return p.print(countsObject{"stats.jobs", *counts}, func(w io.Writer) error {
			_, err := countTable(counts).WriteTo(w)
			return err
		})
	})
}

// countTable has a column for each state that a job is in.
func countTable(c *api.Counts) *term.Table {
	head := []string{"PIPELINE", "JOBS"}
	var states []string
	for _, s := range api.States() {
		if c.States[string(s)] > 0 {
			states = append(states, string(s))
			head = append(head, string(s))
		}
	}
	t := term.NewTable(head...)
	line := func(name string, jobs int64, by map[string]int64) {
		cells := []string{name, fmt.Sprint(jobs)}
		for _, s := range states {
			cells = append(cells, fmt.Sprint(by[s]))
		}
		t.Row(cells...)
	}
	for _, p := range c.Pipelines {
		line(p.Name, p.Jobs, p.States)
	}
	line("all", c.Jobs, c.States)
	return t
}

func failureTable(f *api.Failures) *term.Table {
	t := term.NewTable("CODE", "CLASS", "COUNT", "LAST", "JOBS NOW", "EXAMPLE")
	now := time.Now()
	for _, one := range f.Failures {
		last := ""
		if !one.LastAt.IsZero() {
			last = term.Ago(one.LastAt, now)
		}
		t.Row(one.Code, one.Class, fmt.Sprint(one.Count), dash(last), fmt.Sprint(one.Jobs), dash(one.Example))
	}
	return t
}

func recoveryTable(r *api.Recoveries) *term.Table {
	t := term.NewTable("FROM", "RECOVERED", "GIVEN UP", "MEAN", "MEDIAN", "95 %")
	for _, s := range r.Spans {
		if s.Recovered+s.GivenUp > 0 {
			t.Row(s.At.Format(time.RFC3339), fmt.Sprint(s.Recovered), fmt.Sprint(s.GivenUp),
				took(s.MeanMS), took(s.MedianMS), took(s.P95MS))
		}
	}
	return t
}

func throughputTable(f *api.Throughput) *term.Table {
	t := term.NewTable("FROM", "ACCEPTED", "ENDED", "FAILURES", "MEAN")
	for _, s := range f.Spans {
		ended := int64(0)
		for _, n := range s.Finished {
			ended += n
		}
		if slices.Max([]int64{s.Accepted, ended, s.Failures}) > 0 {
			t.Row(s.At.Format(time.RFC3339), fmt.Sprint(s.Accepted), fmt.Sprint(ended), fmt.Sprint(s.Failures), took(s.MeanMS))
		}
	}
	return t
}

// took is a time in milliseconds for people.
func took(ms int64) string { return term.Took(time.Duration(ms) * time.Millisecond) }
