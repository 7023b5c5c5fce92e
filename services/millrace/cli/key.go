package cli

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/identity"
	"github.com/millrace/millrace/services/millrace/term"
)

type (
	// keyListObject is the list of keys under -o json.
	keyListObject struct {
		Type string `json:"type"`
		api.KeyList
	}
	// keyMadeObject is a key that was made under -o json.
	keyMadeObject struct {
		Type string `json:"type"`
		api.KeyMade
	}
	// keyRevokedObject is a key that was revoked under -o json.
	keyRevokedObject struct {
		Type string `json:"type"`
		api.Key
	}
	// whoamiObject is who the command line is taken for under -o json.
	whoamiObject struct {
		Type string `json:"type"`
		api.Principal
	}
)

// keyExample is a key as the examples make it.
const keyExample = "millrace key create --name ci --scope read,submit --tenant acme --expires 2160h"

func (p *Program) keyCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "key",
		Short:   "Make, list and revoke API keys.",
		Example: keyExample + "\nmillrace key list",
	},
		p.keyCreateCommand(), p.keyListCommand(), p.keyRevokeCommand(), p.whoamiCommand(),
	)
}

func (p *Program) keyCreateCommand() *cobra.Command {
	var server serverFlags
	var r api.KeyRequest
	var expires string
	cmd := &cobra.Command{
		Use:   "create --name NAME --scope LIST [flags]",
		Short: "Make an API key, and print it this one time.",
		Long: "Scopes are read, submit, control, rollback, decide and admin, which is all of them.\n" +
			"The key alone goes to standard output; only its hash is stored.",
		Args:    nothing,
		Example: keyExample + "\nmillrace key create --name backup --scope read --tenant '*' > backup.key",
	}
	flags := cmd.Flags()
	flags.StringVar(&r.Name, "name", "", "`NAME`, required: what the key is for")
	flags.StringSliceVar(&r.Scopes, "scope", nil, "`LIST`, required: what it may do, separated by commas")
	flags.StringVar(&expires, "expires", "", "`TIME` when it ends, like 720h or 2027-01-02T03:04:05Z (default never)")
	completesWords(cmd, "scope", identity.All())
	server.addURL(cmd)
	flags.StringVar(&r.Tenant, "tenant", "", "`NAME` of the tenant that it is for, * for all (default that of your own key)")
	p.takesOutput(cmd)
	takesReason(cmd)
	return does(cmd, func(ctx context.Context, _ []string) (err error) {
		if r.ExpiresAt, err = parseUntil("--expires", expires, time.Now()); err != nil {
			return err
		}
		if r.Name == "" || len(r.Scopes) == 0 {
			return usage("say what the key is called with --name, and what it may do with --scope")
		}
		c, err := p.connect(server)
		if err != nil {
			return err
		}
		made, err := c.CreateKey(ctx, r)
		if err != nil {
			return err
		}
		return p.print(keyMadeObject{"key.created", *made}, func(w io.Writer) error {
			k := made.Key
			p.talk.Say("key %s (%s) for %s: %s, %s", k.ID, k.Name, keyTenant(k), strings.Join(k.Scopes, " "), keyEnd(k, time.Now()))
			p.talk.Say("it is shown this one time; keep it in a file that only you can read")
			return lines(w, "%s\n", made.Token)
		})
	})
}

func (p *Program) keyListCommand() *cobra.Command {
	return lists(p, "key", "List the API keys, also those that have ended.", (*client.Client).Keys, p.showKeys)
}

func (p *Program) showKeys(list []api.Key) error {
	return p.print(keyListObject{"key.list", api.KeyList{Keys: list}}, func(w io.Writer) error {
		t, now := term.NewTable("ID", "NAME", "TENANT", "SCOPES", "ENDS", "USED", "BY"), time.Now()
		for _, k := range list {
			used := "never"
			if !k.UsedAt.IsZero() {
				used = k.UsedAt.Format("2006-01-02 15h")
			}
			t.Row(k.ID, k.Name, k.Tenant, strings.Join(k.Scopes, " "), keyEnd(k, now), used, k.CreatedBy)
		}
		_, err := t.WriteTo(w)
		return err
	})
}

func (p *Program) keyRevokeCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     "revoke ID --reason TEXT [flags]",
		Short:   "End an API key at once.",
		Args:    needs("ID of a key", 1),
		Example: "millrace key revoke k3jx5c2m4q6w7z3a --reason \"left the team\"\nmillrace key revoke first --reason \"has done its work\"",
	}
	cmd.ValidArgsFunction = p.completes(&p.server, keyIDs)
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT`, required: why; at most 1 KiB")
	checks(cmd, func() error { return stated(reason) })
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		k, err := c.RevokeKey(ctx, args[0], reason)
		if err != nil {
			return err
		}
		return p.print(keyRevokedObject{"key.revoked", *k}, func(w io.Writer) error {
			return lines(w, "%s  %s  revoked\n", k.ID, k.Name)
		})
	})
}

func (p *Program) whoamiCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "whoami [flags]",
		Short:   "Show who the server takes you for, and what you may do.",
		Args:    nothing,
		Example: "millrace key whoami\nmillrace key whoami --token @ci.key",
	}
	return p.asks(cmd, func(ctx context.Context, c *client.Client, _ []string) error {
		who, err := c.Whoami(ctx)
		if err != nil {
			return err
		}
		return p.print(whoamiObject{"whoami", *who}, func(w io.Writer) error {
			t := term.NewTable()
			t.Row("identity", who.Identity)
			t.Row("by", who.By)
			t.Row("tenant", who.Tenant)
			t.Row("scopes", strings.Join(who.Scopes, " "))
			_, err := t.WriteTo(w)
			return err
		})
	})
}

// keyIDs asks for the ids of the keys that are good.
func keyIDs(ctx context.Context, c *client.Client) ([]string, error) {
	list, err := c.Keys(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, k := range list {
		if k.RevokedAt.IsZero() {
			ids = append(ids, k.ID+"\t"+k.Name)
		}
	}
	return ids, nil
}

// keyTenant says whose a key is.
func keyTenant(k api.Key) string {
	if k.Tenant == identity.AnyTenant {
		return "all tenants"
	}
	return "tenant " + k.Tenant
}

// keyEnd says when a key ends, or that it has.
func keyEnd(k api.Key, now time.Time) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked"
	case k.ExpiresAt.IsZero():
		return "never"
	case !now.Before(k.ExpiresAt):
		return "expired"
	}
	return k.ExpiresAt.Format(time.RFC3339)
}

// parseUntil reads a time to come, or how far it is away. Empty is no time.
func parseUntil(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d).UTC().Truncate(time.Second), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usage("%s is a time like 720h (from now) or 2027-01-02T03:04:05Z, not %q", flag, text)
	}
	return t.UTC(), nil
}
