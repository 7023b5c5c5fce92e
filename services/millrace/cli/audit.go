package cli

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/millrace/term"
)

// auditObject is a page of the audit under -o json.
type auditObject struct {
	Type string `json:"type"`
	*api.AuditPage
}

func (p *Program) auditCommand() *cobra.Command {
	var q api.AuditQuery
	var outcome, since, until string
	cmd := &cobra.Command{
		Use:   "audit [flags]",
		Short: "Show who decided and changed what, when and why, newest first.",
		Long: "What is begun and has no end was cut off: it may have been done or not. Who submitted a job,\n" +
			"and what was done by itself, is in the events of the job.",
		Args: nothing,
		Example: "millrace audit --since 24h\n" +
			"millrace audit --action webhook --by key:k3jx5c2m4q6w7z3a/ops",
	}
	flags := cmd.Flags()
	flags.StringVar(&q.By, "by", "", "`WHO` did it, as the list shows it (default everybody)")
	flags.StringVar(&q.Action, "action", "", "`WHAT` was done, such as job.cancel, or job for all of that (default everything)")
	flags.StringVar(&q.Target, "target", "", "`ID` or name of what it was done to (default anything)")
	flags.StringVar(&outcome, "outcome", "", "`OUTCOME` to show: begun, done or failed (default all)")
	flags.StringVar(&since, "since", "", sinceUsage)
	flags.StringVar(&until, "until", "", "`TIME` of the newest (default now)")
	takesPage(cmd, &q.Limit, &q.Cursor, "entries")
	completesWords(cmd, "outcome", api.AuditOutcomes())
	checks(cmd, func() (err error) {
		if err := inPage(q.Limit); err != nil {
			return err
		}
		if q.Outcome = api.AuditOutcome(outcome); outcome != "" && !slices.Contains(api.AuditOutcomes(), q.Outcome) {
			return usage("--outcome %q is none of begun, done, failed", outcome)
		}
		if q.Since, err = parseSince("--since", since, time.Now()); err != nil {
			return err
		}
		q.Until, err = parseSince("--until", until, time.Now())
		return err
	})
	return p.asks(cmd, func(ctx context.Context, c *client.Client, _ []string) error {
		page, err := c.Audit(ctx, q)
		if err != nil {
			return err
		}
		return p.print(auditObject{"audit", page}, func(w io.Writer) error { return p.writeAudit(w, page) })
	})
}

func (p *Program) writeAudit(w io.Writer, page *api.AuditPage) error {
	p.more(page.NextCursor)
	if len(page.Entries) == 0 {
		p.talk.Say("nothing in the audit")
		return nil
	}
	t := term.NewTable("TIME", "TENANT", "BY", "ACTION", "TARGET", "DETAIL", "OUTCOME", "REASON")
	for _, e := range page.Entries {
		tenant := e.Tenant
		if e.Mill {
			tenant = "(mill)"
		}
		t.Row(ruleTime(e.Time), tenant, e.By, e.Action, dash(e.Target), dash(term.Short(term.Clean(e.Detail), 60)),
			auditOutcome(&e), dash(term.Clean(e.Reason)))
	}
	_, err := t.WriteTo(w)
	return err
}

// auditOutcome is what came of it, and the code of what failed.
func auditOutcome(e *api.AuditEntry) string {
	if e.Code != "" {
		return string(e.Outcome) + " " + e.Code
	}
	return string(e.Outcome)
}
