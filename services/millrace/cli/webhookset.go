package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
)

const (
	typesUsage     = "`LIST` of types of events, such as job.completed, step.* or *, separated by commas (default job.*)"
	pipelinesUsage = "`LIST` of pipelines, separated by commas (default all)"
)

func (p *Program) webhookCreateCommand() *cobra.Command {
	var r api.WebhookRequest
	cmd := &cobra.Command{
		Use:   "create URL [flags]",
		Short: "Make an endpoint that events are sent to from now on.",
		Long: "Its secret is printed here and never again; the receiver checks signatures with it, by any library\n" +
			"of Standard Webhooks. An address in a private network is refused, unless the mill allows them.",
		Args: needs("URL", 1),
		Example: "millrace webhook create https://example.com/hook\n" +
			"millrace webhook create https://example.com/hook --types job.completed,job.failed --pipelines intake --scheme v1a",
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&r.Types, "types", nil, typesUsage)
	flags.StringSliceVar(&r.Pipelines, "pipelines", nil, pipelinesUsage)
	flags.StringVar(&r.Description, "description", "", "`TEXT` for people")
	flags.StringVar(&r.Scheme, "scheme", "v1", "v1 or v1a: `HOW` events are signed, with a shared secret or a pair of keys")
	completesWords(cmd, "scheme", []string{"v1", "v1a"})
	takesReason(cmd)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		r.URL = args[0]
		h, err := c.CreateWebhook(ctx, r)
		if err != nil {
			return err
		}
		return p.printWebhook("webhook.created", h)
	})
}

// webhookUpdate is the command line of webhook update.
type webhookUpdate struct {
	url, description, reason string
	types, pipelines         []string
	enable, disable, skip    bool
	revision                 uint64
}

func (p *Program) webhookUpdateCommand() *cobra.Command {
	var u webhookUpdate
	var change api.WebhookChange
	line := "millrace webhook update " + exampleWebhook
	cmd := &cobra.Command{
		Use:     "update ENDPOINT [flags]",
		Short:   "Change an endpoint, or switch it on or off.",
		Long:    "An endpoint that is switched on goes on where it stopped, unless --skip says to begin now.",
		Args:    needs("ENDPOINT", 1),
		Example: line + " --url https://example.com/new\n" + line + " --enable --skip",
	}
	flags := cmd.Flags()
	flags.StringVar(&u.url, "url", "", "`URL` that events are sent to")
	flags.StringSliceVar(&u.types, "types", nil, typesUsage)
	flags.StringSliceVar(&u.pipelines, "pipelines", nil, pipelinesUsage)
	flags.StringVar(&u.description, "description", "", "`TEXT` for people")
	flags.BoolVar(&u.enable, "enable", false, "send again")
	flags.BoolVar(&u.disable, "disable", false, "send nothing any more")
	flags.StringVar(&u.reason, "reason", "", "`TEXT` that says why, for the audit and while it is disabled")
	flags.BoolVar(&u.skip, "skip", false, "leave out what has happened so far and was not sent")
	flags.Uint64Var(&u.revision, "revision", 0, "`N` that the endpoint must still have (default any)")
	p.completesWebhooks(cmd)
	checks(cmd, func() (err error) {
		change, err = u.change(flags.Changed)
		return err
	})
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		h, err := c.UpdateWebhook(ctx, args[0], change, u.revision)
		if err != nil {
			return err
		}
		return p.printWebhook("webhook", h)
	})
}

// change is what the flags say that were given.
func (u *webhookUpdate) change(given func(string) bool) (c api.WebhookChange, err error) {
	if u.enable && u.disable {
		return c, usage("--enable and --disable contradict each other")
	}
	if given("url") {
		c.URL = &u.url
	}
	if given("types") {
		c.Types = &u.types
	}
	if given("pipelines") {
		c.Pipelines = &u.pipelines
	}
	if given("description") {
		c.Description = &u.description
	}
	if u.enable || u.disable {
		c.Enabled = &u.enable
	}
	c.Skip, c.Reason = u.skip, u.reason
	if c == (api.WebhookChange{Reason: u.reason}) {
		return c, usage("say what is to be changed")
	}
	return c, nil
}

func (p *Program) webhookRotateCommand() *cobra.Command {
	var overlap time.Duration
	line := "millrace webhook rotate " + exampleWebhook
	cmd := &cobra.Command{
		Use:     "rotate ENDPOINT [flags]",
		Short:   "Give an endpoint a new secret, which is printed here and never again.",
		Long:    "For the time of --overlap every event is signed by the old and by the new one.",
		Args:    needs("ENDPOINT", 1),
		Example: line + "\n" + line + " --overlap 0s",
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "`TIME` that the secrets of before sign as well, at most 720h")
	p.completesWebhooks(cmd)
	checks(cmd, func() error {
		if overlap < 0 || overlap > 720*time.Hour {
			return usage("--overlap is 0s to 720h, not %s", overlap)
		}
		return nil
	})
	takesReason(cmd)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		h, err := c.RotateWebhook(ctx, args[0], overlap)
		if err != nil {
			return err
		}
		return p.printWebhook("webhook.rotated", h)
	})
}
