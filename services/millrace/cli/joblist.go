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
	"github.com/millrace/millrace/services/millrace/term"
)

// jobListObject is a page of jobs under -o json.
type jobListObject struct {
	Type string `json:"type"`
	api.JobPage
}

func (p *Program) jobListCommand() *cobra.Command {
	var server serverFlags
	var states, labels []string
	var q api.JobQuery
	cmd := &cobra.Command{
		Use:     "list [flags]",
		Short:   "List jobs, newest first.",
		Args:    nothing,
		Example: "millrace job list --state running,waiting\nmillrace job list --pipeline intake --label order=17 -o json",
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&states, "state", nil, "`LIST` of states to show, separated by commas (default all)")
	flags.StringVarP(&q.Pipeline, "pipeline", "p", "", "`NAME` of the pipeline (default all)")
	flags.StringArrayVar(&labels, "label", nil, "`NAME=TEXT` a job must have; repeatable")
	flags.IntVar(&q.Limit, "limit", api.DefaultLimit, fmt.Sprintf("`COUNT` of jobs, 1 to %d", api.MaxLimit))
	flags.StringVar(&q.Cursor, "cursor", "", "`CURSOR` of the next page, as the page before printed it")
	server.add(cmd)
	p.completesPipelines(cmd, &server)
	p.takesOutput(cmd)
	return does(cmd, func(ctx context.Context, _ []string) error {
		if err := completeQuery(&q, states, labels); err != nil {
			return err
		}
		c, err := p.connect(server)
		if err != nil {
			return err
		}
		return p.jobList(ctx, c, q)
	})
}

// completeQuery checks what the flags of job list hold and puts it into q.
func completeQuery(q *api.JobQuery, states, labels []string) (err error) {
	for _, s := range states {
		state := events.JobState(s)
		if !slices.Contains(api.States(), state) {
			return usage("--state %q is none of %s", s, joined(api.States()))
		}
		q.States = append(q.States, state)
	}
	if q.Limit < 1 || q.Limit > api.MaxLimit {
		return usage("--limit is 1 to %d, not %d", api.MaxLimit, q.Limit)
	}
	if q.Pipeline != "" && !events.ValidToken(q.Pipeline) {
		return usage("--pipeline is 1 to 64 of a-z, 0-9, _ and -, not %q", q.Pipeline)
	}
	q.Labels, err = parseLabels(labels)
	return err
}

func (p *Program) jobList(ctx context.Context, c *client.Client, q api.JobQuery) error {
	page, err := c.List(ctx, q)
	if err != nil {
		return err
	}
	if page.Jobs == nil {
		page.Jobs = []api.JobItem{}
	}
	return p.print(jobListObject{"job.list", *page}, func(w io.Writer) error {
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
		if page.NextCursor != "" {
			p.talk.Hint("there are more: add --cursor " + page.NextCursor)
		}
		_, err := t.WriteTo(w)
		return err
	})
}

// joined lists states for a message.
func joined(states []events.JobState) string {
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}
