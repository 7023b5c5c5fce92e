package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/millrace/term"
)

type (
	// deadLetterListObject is a page of dead letters under -o json.
	deadLetterListObject struct {
		Type string `json:"type"`
		api.DeadLetterPage
	}
	// deadLetterObject is a dead letter under -o json.
	deadLetterObject struct {
		Type string `json:"type"`
		*api.DeadLetter
	}
)

func (p *Program) deadLetterCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "deadletter",
		Short:   "See messages that nobody could handle, mend them, and publish them again.",
		Example: "millrace deadletter list --state open\nmillrace deadletter redrive 17 --edit",
	},
		p.deadLetterListCommand(), p.deadLetterGetCommand(),
		p.deadLetterRedriveCommand(), p.deadLetterDropCommand(),
	)
}

func (p *Program) deadLetterListCommand() *cobra.Command {
	var q api.DeadLetterQuery
	var state, since string
	cmd := &cobra.Command{
		Use:     "list [flags]",
		Short:   "List dead letters, newest first.",
		Args:    nothing,
		Example: "millrace deadletter list --state open\nmillrace deadletter list --code submit.invalid --since 2h -o json",
	}
	flags := cmd.Flags()
	flags.StringVar(&q.Consumer, "consumer", "", "`NAME` of the consumer that gave them up (default all)")
	flags.StringVar(&q.Code, "code", "", "`CODE` of the fault (default all)")
	flags.StringVar(&state, "state", "", "`STATE` to show: open, redriving, redriven or dropped (default all)")
	flags.StringVar(&since, "since", "", sinceUsage)
	takesPage(cmd, &q.Limit, &q.Cursor, "letters")
	completesWords(cmd, "state", api.DeadStates())
	checks(cmd, func() (err error) {
		if err = inPage(q.Limit); err != nil {
			return err
		}
		if err = named("--consumer", q.Consumer); err != nil {
			return err
		}
		if q.State = api.DeadState(state); state != "" && !slices.Contains(api.DeadStates(), q.State) {
			return usage("--state %q is none of open, redriving, redriven, dropped", state)
		}
		q.Since, err = parseSince("--since", since, time.Now())
		return err
	})
	return p.asks(cmd, func(ctx context.Context, c *client.Client, _ []string) error {
		return p.deadLetterList(ctx, c, q)
	})
}

func (p *Program) deadLetterList(ctx context.Context, c *client.Client, q api.DeadLetterQuery) error {
	page, err := c.DeadLetters(ctx, q)
	if err != nil {
		return err
	}
	return p.print(deadLetterListObject{"deadletter.list", *page}, func(w io.Writer) error {
		p.more(page.NextCursor)
		if len(page.DeadLetters) == 0 {
			p.talk.Say("no dead letters")
			return nil
		}
		now := time.Now()
		t := term.NewTable("LETTER", "STATE", "AGE", "CODE", "CONSUMER", "SUBJECT")
		for _, l := range page.DeadLetters {
			t.Row(l.ID, string(l.State), term.Ago(l.Time, now), l.Code, l.Consumer, term.Short(term.Clean(l.Subject), 60))
		}
		_, err := t.WriteTo(w)
		return err
	})
}

func (p *Program) deadLetterGetCommand() *cobra.Command {
	var payload bool
	cmd := &cobra.Command{
		Use:     "get LETTER [flags]",
		Short:   "Show a dead letter with its headers and its payload.",
		Args:    needs("LETTER", 1),
		Example: "millrace deadletter get 17\nmillrace deadletter get 17 --payload > 17.json",
	}
	cmd.Flags().BoolVar(&payload, "payload", false, "print the payload alone, byte for byte")
	p.completesDeadLetters(cmd, &p.server)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		l, err := c.DeadLetter(ctx, args[0])
		if err != nil {
			return err
		}
		if payload && !p.asJSON() {
			_, err := p.Out.Write(payloadOf(l))
			return written(err)
		}
		return p.print(deadLetterObject{"deadletter", l}, func(w io.Writer) error { return writeDeadLetter(w, l, time.Now()) })
	})
}

// payloadOf returns the payload of a letter, or as much of it as there is.
func payloadOf(l *api.DeadLetter) []byte {
	if l.Text != "" {
		return []byte(l.Text)
	}
	return l.Data
}

// writeDeadLetter writes a letter in words, its payload last.
func writeDeadLetter(w io.Writer, l *api.DeadLetter, now time.Time) error {
	t := term.NewTable()
	t.Row("letter", l.ID)
	t.Row("state", string(l.State))
	t.Row("age", term.Ago(l.Time, now))
	t.Row("consumer", l.Consumer)
	t.Row("subject", l.Subject)
	t.Row("was", fmt.Sprintf("%s:%d", l.Stream, l.Sequence))
	if l.Job != "" {
		t.Row("job", l.Job)
	}
	t.Row("fault", l.Reason+" ("+l.Code+")")
	t.Row("hint", l.Hint)
	for _, name := range slices.Sorted(maps.Keys(l.Headers)) {
		t.Row("header", name+": "+strings.Join(l.Headers[name], ", "))
	}
	if d := l.Done; d != nil {
		t.Row("done", string(l.State)+" "+term.Ago(d.At, now)+" ago by "+dash(d.By))
		for _, row := range [][]string{{"reason", d.Reason}, {"as", d.As}, {"makes job", d.Job}, {"with", string(d.Data)}} {
			if row[1] != "" {
				t.Row(row...)
			}
		}
	}
	size := term.Bytes(l.Size)
	if l.Cut {
		size += ", of which the letter holds the first " + term.Bytes(int64(len(payloadOf(l))))
	}
	t.Row("payload", size)
	if _, err := t.WriteTo(w); err != nil {
		return err
	}
	if l.Text == "" {
		return nil
	}
	for line := range strings.Lines(l.Text) {
		if err := lines(w, "%s\n", term.Clean(strings.TrimRight(line, "\r\n"))); err != nil {
			return err
		}
	}
	return nil
}

// completesDeadLetters lets the shell complete the numbers of recent letters.
func (p *Program) completesDeadLetters(cmd *cobra.Command, server *serverFlags) {
	cmd.ValidArgsFunction = p.completes(server, func(ctx context.Context, c *client.Client) ([]string, error) {
		page, err := c.DeadLetters(ctx, api.DeadLetterQuery{})
		if err != nil {
			return nil, err
		}
		var ids []string
		for _, l := range page.DeadLetters {
			ids = append(ids, l.ID+"\t"+string(l.State)+" "+l.Code)
		}
		return ids, nil
	})
}
