package cli

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/millrace/term"
)

type (
	// deliveryListObject is a page of attempts under -o json.
	deliveryListObject struct {
		Type string `json:"type"`
		*api.DeliveryPage
	}
	// deliveryObject is an attempt under -o json.
	deliveryObject struct {
		Type string `json:"type"`
		*api.Delivery
	}
	// replayObject is a replay under -o json.
	replayObject struct {
		Type string `json:"type"`
		*api.Replay
	}
)

func (p *Program) webhookTestCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "test ENDPOINT [flags]",
		Short:   "Send an endpoint a test, and show what it answers.",
		Args:    needs("ENDPOINT", 1),
		Example: "millrace webhook test " + exampleWebhook + "\nmillrace webhook test " + exampleWebhook + " -o json",
	}
	p.completesWebhooks(cmd)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		d, err := c.TestWebhook(ctx, args[0])
		if err != nil {
			return err
		}
		err = p.print(deliveryObject{"webhook.tested", d}, func(w io.Writer) error { return writeDelivery(w, d) })
		if err == nil && d.Outcome != api.Delivered {
			err = &jobEnded{events.JobFailed}
		}
		return err
	})
}

func (p *Program) webhookDeliveriesCommand() *cobra.Command {
	var q api.DeliveryQuery
	var outcome string
	cmd := &cobra.Command{
		Use:     "deliveries [DELIVERY] [flags]",
		Short:   "List attempts to send events, newest first, or show one.",
		Args:    cobra.MaximumNArgs(1),
		Example: "millrace webhook deliveries --webhook " + exampleWebhook + " --outcome failed\nmillrace webhook deliveries d17",
	}
	flags := cmd.Flags()
	flags.StringVar(&q.Webhook, "webhook", "", "`ENDPOINT` that they went to (default all)")
	flags.StringVar(&q.Job, "job", "", "`JOB` that they were about (default all)")
	flags.StringVar(&outcome, "outcome", "", "`OUTCOME` to show: delivered, failed or given_up (default all)")
	takesPage(cmd, &q.Limit, &q.Cursor, "attempts")
	completesWords(cmd, "outcome", api.DeliveryOutcomes())
	checks(cmd, func() error {
		if err := inPage(q.Limit); err != nil {
			return err
		}
		if q.Outcome = api.DeliveryOutcome(outcome); outcome != "" && !slices.Contains(api.DeliveryOutcomes(), q.Outcome) {
			return usage("--outcome %q is none of delivered, failed, given_up", outcome)
		}
		return nil
	})
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		if len(args) == 1 {
			d, err := c.Delivery(ctx, args[0])
			if err != nil {
				return err
			}
			return p.print(deliveryObject{"delivery", d}, func(w io.Writer) error { return writeDelivery(w, d) })
		}
		page, err := c.Deliveries(ctx, q)
		if err != nil {
			return err
		}
		return p.print(deliveryListObject{"delivery.list", page}, func(w io.Writer) error {
			return p.writeDeliveries(w, page)
		})
	})
}

func (p *Program) writeDeliveries(w io.Writer, page *api.DeliveryPage) error {
	p.more(page.NextCursor)
	if len(page.Deliveries) == 0 {
		p.talk.Say("no deliveries")
		return nil
	}
	now := time.Now()
	t := term.NewTable("DELIVERY", "ENDPOINT", "AGE", "EVENT", "JOB", "ATTEMPT", "OUTCOME", "STATUS", "TOOK")
	for _, d := range page.Deliveries {
		t.Row(d.ID, d.Webhook, term.Ago(d.Time, now), d.Type, d.Job, strconv.Itoa(d.Attempt), string(d.Outcome),
			statusText(&d), term.Took(time.Duration(d.MS)*time.Millisecond))
	}
	_, err := t.WriteTo(w)
	return err
}

// statusText is the status of the answer, or why there is none.
func statusText(d *api.Delivery) string {
	if d.Status != 0 {
		return strconv.Itoa(d.Status)
	}
	return dash(d.Code)
}

// writeDelivery writes everything that is known of an attempt.
func writeDelivery(w io.Writer, d *api.Delivery) error {
	t := term.NewTable()
	for _, row := range [][2]string{
		{"delivery", d.ID},
		{"endpoint", d.Webhook},
		{"webhook-id", d.Message},
		{"event", d.Type + " " + d.Event},
		{"attempt", strconv.Itoa(d.Attempt)},
		{"outcome", string(d.Outcome)},
		{"status", statusText(d)},
		{"detail", d.Detail},
		{"took", term.Took(time.Duration(d.MS) * time.Millisecond)},
		{"replay", d.Replay},
		{"answer", term.Clean(strings.TrimSpace(d.Body))},
	} {
		if row[1] != "" {
			t.Row(row[0], row[1])
		}
	}
	_, err := t.WriteTo(w)
	return err
}

func (p *Program) webhookReplayCommand() *cobra.Command {
	var since, until string
	var r api.ReplayRequest
	cmd := &cobra.Command{
		Use:   "replay DELIVERY|ENDPOINT [flags]",
		Short: "Send the event of a delivery again, or all events of a time.",
		Long: "What is sent again has the webhook-id that it had. It is sent beside what happens now, and there is\n" +
			"no order between the two.",
		Args:    needs("DELIVERY|ENDPOINT", 1),
		Example: "millrace webhook replay d17\nmillrace webhook replay " + exampleWebhook + " --since 2h --types job.completed",
	}
	flags := cmd.Flags()
	flags.StringVar(&since, "since", "", "`TIME` of the oldest event, like 2h or 2026-01-02T03:04:05Z; for an endpoint")
	flags.StringVar(&until, "until", "", "`TIME` of the newest event (default now)")
	flags.StringSliceVar(&r.Types, "types", nil, "`LIST` of types of events, separated by commas (default those of the endpoint)")
	p.completesWebhooks(cmd)
	checks(cmd, func() (err error) {
		if since == "" && (until != "" || len(r.Types) > 0) {
			return usage("name an ENDPOINT and --since with --until and --types")
		}
		if r.Since, err = parseSince("--since", since, time.Now()); err != nil {
			return err
		}
		r.Until, err = parseSince("--until", until, time.Now())
		return err
	})
	takesReason(cmd)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) (err error) {
		var replay *api.Replay
		if since == "" {
			replay, err = c.ReplayDelivery(ctx, args[0])
		} else {
			replay, err = c.ReplayWebhook(ctx, args[0], r)
		}
		if err != nil {
			return err
		}
		return p.print(replayObject{"webhook.replay", replay}, func(w io.Writer) error {
			return lines(w, "%s  records %d to %d\n", replay.ID, replay.From, replay.To)
		})
	})
}
