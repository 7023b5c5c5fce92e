package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/millrace/term"
)

// jobListObject is a page of jobs under -o json.
type jobListObject struct {
	Type string `json:"type"`
	api.JobPage
}

func (p *Program) jobListCommand() *cobra.Command {
	var f jobFilter
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List, filter, search and sort jobs.",
		Args:  nothing,
		Example: "millrace job list --state running,waiting\n" +
			"millrace job list --pipeline intake --label order=17 -o json\n" +
			"millrace job list --fault fetch.not_found --since 24h --sort updated\n" +
			"millrace job list --search 'invoice 2026*'",
	}
	q, flags := &f.JobQuery, cmd.Flags()
	flags.StringSliceVar(&f.states, "state", nil, "`LIST` of states to show, separated by commas (default all)")
	flags.StringVarP(&q.Pipeline, "pipeline", "p", "", "`NAME` of the pipeline (default all)")
	flags.StringArrayVar(&f.labels, "label", nil, "`NAME=TEXT` a job must have; repeatable")
	flags.StringVar(&f.since, "since", "", sinceUsage)
	flags.StringVar(&f.until, "until", "", "`TIME` before which they were accepted, like --since (default any)")
	flags.StringVar(&q.Fault, "fault", "", "`CODE` of a fault that a job or one of its steps has now (default all)")
	flags.StringVar(&q.Class, "class", "", "`CLASS` of such a fault (default all)")
	flags.StringVar(&q.Search, "search", "", "`WORDS` to find in names of files, labels, keys and faults; invo* is a beginning")
	flags.StringVar(&f.sort, "sort", string(api.SortNewest), "`ORDER` of the list: newest, oldest, updated, finished or duration")
	takesPage(cmd, &q.Limit, &q.Cursor, "jobs")
	p.completesPipelines(cmd, &p.server)
	completesWords(cmd, "sort", api.JobSorts())
	completesWords(cmd, "class", fault.Classes())
	checks(cmd, func() error { return f.complete(time.Now()) })
	return p.asks(cmd, func(ctx context.Context, c *client.Client, _ []string) error {
		return p.jobList(ctx, c, f.JobQuery)
	})
}

// jobFilter are the flags of job list.
type jobFilter struct {
	api.JobQuery
	states, labels     []string
	since, until, sort string
}

// complete checks what the flags hold and puts it into the query.
func (f *jobFilter) complete(now time.Time) (err error) {
	q := &f.JobQuery
	for _, s := range f.states {
		state := events.JobState(s)
		if !slices.Contains(api.States(), state) {
			return usage("--state %q is none of %s", s, joined(api.States()))
		}
		q.States = append(q.States, state)
	}
	if err := inPage(q.Limit); err != nil {
		return err
	}
	if err := named("--pipeline", q.Pipeline); err != nil {
		return err
	}
	if q.Class != "" && !fault.Class(q.Class).Known() {
		return usage("--class %q is none of %s", q.Class, joined(fault.Classes()))
	}
	if q.Sort = api.JobSort(f.sort); !slices.Contains(api.JobSorts(), q.Sort) {
		return usage("--sort %q is none of %s", f.sort, joined(api.JobSorts()))
	}
	if q.Since, err = parseSince("--since", f.since, now); err != nil {
		return err
	}
	if q.Until, err = parseSince("--until", f.until, now); err != nil {
		return err
	}
	q.Labels, err = parseLabels(f.labels)
	return err
}

// wholePage reads pages until one is full or there are no more: with a filter that
// leaves little, a page of the server can be short.
func wholePage(ctx context.Context, c *client.Client, q api.JobQuery) (*api.JobPage, error) {
	page := &api.JobPage{Jobs: []api.JobItem{}}
	for limit := q.Limit; ; {
		q.Limit = limit - len(page.Jobs)
		next, err := c.List(ctx, q)
		if err != nil {
			return nil, err
		}
		page.Jobs = append(page.Jobs, next.Jobs...)
		page.NextCursor, page.View = next.NextCursor, next.View
		if q.Cursor = next.NextCursor; q.Cursor == "" || len(page.Jobs) >= limit {
			return page, nil
		}
	}
}

func (p *Program) jobList(ctx context.Context, c *client.Client, q api.JobQuery) error {
	page, err := wholePage(ctx, c, q)
	if err != nil {
		return err
	}
	return p.print(jobListObject{"job.list", *page}, func(w io.Writer) error {
		if v := page.View; v != nil && v.Stale {
			p.talk.Hint(fmt.Sprintf("the list is stale, %d records behind: %s", v.Lag, v.Problem))
		}
		if len(page.Jobs) == 0 {
			p.talk.Say("no jobs")
			return nil
		}
		now := time.Now()
		t := term.NewTable("JOB", "PIPELINE", "STATE", "STEPS", "AGE", "FILES", "NAME")
		for _, j := range page.Jobs {
			t.Row(j.ID, j.Pipeline.Name, string(j.State), fmt.Sprintf("%d/%d", j.StepsDone, j.Steps),
				term.Ago(j.AcceptedAt, now), fmt.Sprint(j.Files), term.Short(term.Clean(j.Name), 40))
		}
		p.more(page.NextCursor)
		_, err := t.WriteTo(w)
		return err
	})
}

// joined lists words for a message.
func joined[T ~string](list []T) string { return strings.Join(words(list), ", ") }
