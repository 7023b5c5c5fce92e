package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/millrace/term"
)

// placedObject is one event under -o json.
type placedObject struct {
	Type  string          `json:"type"`
	Place uint64          `json:"place"`
	Event json.RawMessage `json:"event"`
}

func (p *Program) eventsCommand() *cobra.Command {
	var server serverFlags
	var q client.EventQuery
	var stored bool
	cmd := &cobra.Command{
		Use:   "events [flags]",
		Short: "Follow what happens to all jobs, until it is interrupted.",
		Long: "It begins now, or after a place. An event comes one time and in order, also across a restart of the\n" +
			"server. With -o json there is one object of type event on each line, with what a webhook would send.",
		Args: nothing,
		Example: "millrace events --types job.completed,job.failed\n" +
			"millrace events --pipeline intake --stored -o json",
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&q.Types, "types", nil, "`LIST` of types of events, such as job.completed or step.*, separated by commas (default all)")
	flags.StringSliceVarP(&q.Pipelines, "pipeline", "p", nil, "`LIST` of pipelines, separated by commas (default all)")
	flags.StringSliceVar(&q.Jobs, "job", nil, "`LIST` of jobs, separated by commas (default all)")
	flags.Uint64Var(&q.After, "after", 0, "`PLACE` after which to begin, as it was printed (default now, or the beginning with --stored)")
	flags.BoolVar(&stored, "stored", false, "print what has happened, and end")
	server.add(cmd)
	p.takesOutput(cmd)
	p.completesPipelines(cmd, &server)
	return does(cmd, func(ctx context.Context, _ []string) error {
		c, err := p.connect(server)
		if err != nil {
			return err
		}
		if stored {
			return p.storedEvents(ctx, c, q)
		}
		return p.tenantEvents(ctx, c, q)
	})
}

// tenantEvents prints events as they come.
func (p *Program) tenantEvents(ctx context.Context, c *client.Client, q client.EventQuery) error {
	for e, err := range c.Events(ctx, q) {
		if err != nil {
			return err
		}
		if e.Type == "" {
			p.talk.Say("following from place %d", e.Place)
			continue
		}
		if err := p.tenantEvent(e.Place, e.Body); err != nil {
			return err
		}
	}
	return nil
}

// storedEvents prints the events that there are.
func (p *Program) storedEvents(ctx context.Context, c *client.Client, q client.EventQuery) error {
	for {
		page, err := c.EventPage(ctx, q)
		if err != nil {
			return err
		}
		for _, e := range page.Events {
			if err := p.tenantEvent(e.Place, e.Event); err != nil {
				return err
			}
		}
		if q.After = page.After; !page.More {
			return nil
		}
	}
}

func (p *Program) tenantEvent(place uint64, body []byte) error {
	if p.asJSON() {
		return writeJSON(p.Out, placedObject{"event", place, body})
	}
	var n events.Notification
	if err := json.Unmarshal(body, &n); err != nil {
		return fault.New(fault.ClientBadAnswer, "decode an event", err)
	}
	step := ""
	if n.Data.Step != nil {
		step = n.Data.Step.ID
	}
	line := fmt.Sprintf("%d  %s  %s  %s  %s  %s  %s", place, n.Time.UTC().Format(time.RFC3339),
		n.Data.Event, n.Data.Job, n.Data.Pipeline.Name, dash(step), n.Data.State)
	return written(lines(p.Out, "%s\n", term.Clean(line)))
}
