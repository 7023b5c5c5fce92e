package cli

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/millrace/term"
)

type (
	// webhookListObject is the list of endpoints under -o json.
	webhookListObject struct {
		Type string `json:"type"`
		api.WebhookList
	}
	// webhookObject is an endpoint under -o json.
	webhookObject struct {
		Type string `json:"type"`
		*api.Webhook
	}
	// webhookDeletedObject is an endpoint that was removed under -o json.
	webhookDeletedObject struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	}
)

const exampleWebhook = "ker4yiml2sptquro"

func (p *Program) webhookCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "webhook",
		Short: "Have events sent to an address, signed, in order, until they are taken.",
		Example: "millrace webhook create https://example.com/hook --types 'job.*'\n" +
			"millrace webhook listen --forward-to http://localhost:3000/hook",
	},
		p.webhookCreateCommand(), p.webhookListCommand(), p.webhookGetCommand(), p.webhookUpdateCommand(),
		p.webhookDeleteCommand(), p.webhookRotateCommand(), p.webhookTestCommand(),
		p.webhookDeliveriesCommand(), p.webhookReplayCommand(), p.webhookListenCommand(),
	)
}

func (p *Program) webhookListCommand() *cobra.Command {
	return lists(p, "webhook", "List the endpoints that events are sent to.", (*client.Client).Webhooks, p.showWebhooks)
}

func (p *Program) showWebhooks(list []api.Webhook) error {
	return p.print(webhookListObject{"webhook.list", api.WebhookList{Webhooks: list}}, func(w io.Writer) error {
		if len(list) == 0 {
			p.talk.Say("no endpoints; millrace webhook create URL makes one")
			return nil
		}
		t := term.NewTable("ENDPOINT", "STATE", "TYPES", "PIPELINES", "WAITING", "URL")
		for _, h := range list {
			t.Row(h.ID, webhookState(&h), listed(h.Types, "job.*"), listed(h.Pipelines, "all"),
				decimal(uint64(h.Status.Waiting)), term.Short(term.Clean(h.URL), 60))
		}
		_, err := t.WriteTo(w)
		return err
	})
}

func (p *Program) webhookGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "get ENDPOINT [flags]",
		Short:   "Show an endpoint and how far it is.",
		Args:    needs("ENDPOINT", 1),
		Example: "millrace webhook get " + exampleWebhook + "\nmillrace webhook get " + exampleWebhook + " -o json",
	}
	p.completesWebhooks(cmd)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		h, err := c.Webhook(ctx, args[0])
		if err != nil {
			return err
		}
		return p.printWebhook("webhook", h)
	})
}

func (p *Program) webhookDeleteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "delete ENDPOINT [flags]",
		Short:   "Remove an endpoint; the log of what was sent stays.",
		Args:    needs("ENDPOINT", 1),
		Example: "millrace webhook delete " + exampleWebhook + "\nmillrace webhook delete " + exampleWebhook + " -o json",
	}
	p.completesWebhooks(cmd)
	takesReason(cmd)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		if err := c.DeleteWebhook(ctx, args[0]); err != nil {
			return err
		}
		return p.print(webhookDeletedObject{"webhook.deleted", args[0]}, func(w io.Writer) error {
			return lines(w, "%s  deleted\n", args[0])
		})
	})
}

// completesWebhooks lets the shell complete the ids of endpoints.
func (p *Program) completesWebhooks(cmd *cobra.Command) {
	cmd.ValidArgsFunction = p.completes(&p.server, func(ctx context.Context, c *client.Client) ([]string, error) {
		list, err := c.Webhooks(ctx)
		if err != nil {
			return nil, err
		}
		var ids []string
		for _, h := range list {
			ids = append(ids, h.ID+"\t"+h.URL)
		}
		return ids, nil
	})
}

// printWebhook prints everything that may be known of an endpoint.
func (p *Program) printWebhook(kind string, h *api.Webhook) error {
	return p.print(webhookObject{kind, h}, func(w io.Writer) error {
		now, t := time.Now(), term.NewTable()
		t.Row("endpoint", h.ID)
		t.Row("url", h.URL)
		t.Row("state", webhookState(h))
		if h.Reason != "" {
			t.Row("reason", h.Reason)
		}
		t.Row("types", listed(h.Types, "job.*"))
		t.Row("pipelines", listed(h.Pipelines, "all"))
		if h.Description != "" {
			t.Row("description", h.Description)
		}
		t.Row("waiting", decimal(uint64(h.Status.Waiting))+" jobs")
		if h.Status.Failures > 0 {
			t.Row("failing", decimal(uint64(h.Status.Failures))+" attempts, since "+ruleTime(h.Status.FailingSince))
		}
		for _, r := range h.Replays {
			t.Row("replay", r.ID+" for "+term.Ago(r.CreatedAt, now))
		}
		for _, s := range h.Secrets {
			t.Row("signed by", secretText(&s, h.Scheme))
		}
		t.Row("revision", decimal(h.Revision))
		if h.Secret != "" {
			t.Row(secretWord(h), h.Secret)
		}
		_, err := t.WriteTo(w)
		return err
	})
}

// secretWord is what the other side is given.
func secretWord(h *api.Webhook) string {
	if h.Scheme == "v1a" {
		return "public key"
	}
	return "secret"
}

func secretText(s *api.WebhookSecret, scheme string) string {
	text := scheme + " " + s.ID
	if s.Public != "" {
		text += " " + s.Public
	}
	if !s.ExpiresAt.IsZero() {
		text += " until " + ruleTime(s.ExpiresAt)
	}
	return text
}

func webhookState(h *api.Webhook) string {
	switch {
	case !h.Enabled:
		return "disabled"
	case h.Status.Failures > 0:
		return "failing"
	}
	return "enabled"
}

// listed joins words; none means otherwise.
func listed(list []string, otherwise string) string {
	if len(list) == 0 {
		return otherwise
	}
	return term.Short(strings.Join(list, ","), 60)
}
