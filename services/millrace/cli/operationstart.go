package cli

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/millrace/term"
)

// operationFlags are the flags of operation start.
type operationFlags struct {
	server         serverFlags
	request        api.OperationRequest
	states, labels []string
	rerun          rerunFlags
	since, until   string
	key            string
	wait           bool
}

func (p *Program) operationStartCommand() *cobra.Command {
	var f operationFlags
	verbs := strings.Join(words(api.OperationVerbs()), "|")
	cmd := &cobra.Command{
		Use:   "start " + verbs + " [flags]",
		Short: "Do something to all jobs, or dead letters, that a filter matches now.",
		Long: "What matches is frozen when the operation is accepted; what comes later is no part of it. It\n" +
			"starts at a tenth of the rate, and stops by itself when jobs fail again because something they\n" +
			"need is down. A job counts as in flight until it is final, in attention or paused again, for a\n" +
			"minute at most. redrive is about dead letters: --code, --consumer, --since, --until and --id.\n" +
			"rerun makes another job of each, as millrace job rerun does.",
		Args: needs("verb: "+verbs, 1),
		Example: "millrace operation start retry --state attention --pipeline intake --reason \"crm is back\" --rate 5\n" +
			"millrace operation start redrive --code pipeline.not_found --reason \"it is there now\" --dry-run --wait",
		ValidArgs: words(api.OperationVerbs()),
	}
	r, flags := &f.request, cmd.Flags()
	flags.StringSliceVar(&f.states, "state", nil, "`LIST` of states of jobs, separated by commas (default any)")
	flags.StringVarP(&r.Filter.Pipeline, "pipeline", "p", "", "`NAME` of the pipeline of jobs (default any)")
	flags.StringArrayVar(&f.labels, "label", nil, "`NAME=TEXT` a job must have; repeatable")
	flags.StringVar(&r.Filter.Code, "code", "", "`CODE` of a fault of the job or the letter (default any)")
	flags.StringVar(&r.Filter.Consumer, "consumer", "", "`NAME` of the consumer that gave letters up (default any)")
	flags.StringVar(&f.since, "since", "", sinceUsage)
	flags.StringVar(&f.until, "until", "", "`TIME` before which they came, like 2h or 2026-01-02T03:04:05Z (default any)")
	flags.StringSliceVar(&r.Filter.IDs, "id", nil, "`LIST` of jobs or letters, separated by commas (default any)")
	flags.StringVar(&r.Reason, "reason", "", "`TEXT` kept in the history of each job, 1 byte to 1 KiB; required")
	flags.Float64Var(&r.Rate, "rate", api.DefaultRate, "`COUNT` of items begun in a second at most, up to 1000")
	flags.IntVar(&r.InFlight, "in-flight", api.DefaultInFlight, "`COUNT` of items on their way at most, up to 1000")
	flags.IntVar(&r.StopOn.FailuresPercent, "max-failures", api.DefaultFailuresPercent, "`PERCENT` of items that may fail again, 100 for all")
	flags.BoolVar(&r.StopOn.IgnoreBreakers, "ignore-breakers", false, "go on though the circuit of a dependency is open")
	flags.BoolVar(&r.AcceptIrreversible, "accept-irreversible", false, "let a rollback leave what cannot be taken back")
	f.rerun.add(cmd)
	flags.BoolVar(&r.DryRun, "dry-run", false, "say what would become of each item, and do nothing")
	flags.StringVar(&f.key, "key", "", "`KEY`, 1 to 255 bytes, that makes repeating the command harmless (default a new one)")
	flags.BoolVar(&f.wait, "wait", false, waitUsage)
	f.server.add(cmd)
	p.completesPipelines(cmd, &f.server)
	p.takesOutput(cmd)
	return does(cmd, func(ctx context.Context, args []string) error { return p.operationStart(ctx, &f, args[0]) })
}

func (p *Program) operationStart(ctx context.Context, f *operationFlags, verb string) error {
	if err := f.complete(verb, time.Now()); err != nil {
		return err
	}
	c, err := p.connect(f.server)
	if err != nil {
		return err
	}
	op, err := c.StartOperation(ctx, f.request, f.key)
	if err != nil {
		return err
	}
	if f.wait {
		if !p.asJSON() {
			p.talk.Say("operation %s on %d %s", op.ID, op.Counts.Matched, plural(op.Counts.Matched, "item", "items"))
		}
		return p.awaitOperation(ctx, c, op)
	}
	return p.print(operationObject{"operation", op}, func(w io.Writer) error {
		p.talk.Say("%d %s matched; see how far it is with millrace operation get %s",
			op.Counts.Matched, plural(op.Counts.Matched, "item", "items"), op.ID)
		return lines(w, "%s\n", op.ID)
	})
}

// complete checks what the flags hold and puts it into the request.
func (f *operationFlags) complete(verb string, now time.Time) (err error) {
	r := &f.request
	r.Verb = api.OperationVerb(verb)
	if !slices.Contains(api.OperationVerbs(), r.Verb) {
		return usage("the verb %q is none of %s", verb, strings.Join(words(api.OperationVerbs()), ", "))
	}
	for _, s := range f.states {
		state := events.JobState(s)
		if !slices.Contains(api.States(), state) {
			return usage("--state %q is none of %s", s, joined(api.States()))
		}
		r.Filter.States = append(r.Filter.States, state)
	}
	if err := f.completeRerun(); err != nil {
		return err
	}
	if err := required(r.Reason); err != nil {
		return err
	}
	if len(f.key) > 255 {
		return usage("--key is longer than 255 bytes")
	}
	if r.Rate <= 0 || r.Rate > api.MaxRate || r.InFlight < 1 || r.InFlight > api.MaxInFlight {
		return usage("--rate is more than 0 and up to %d, --in-flight 1 to %d", api.MaxRate, api.MaxInFlight)
	}
	if r.StopOn.FailuresPercent < 1 || r.StopOn.FailuresPercent > 100 {
		return usage("--max-failures is 1 to 100, not %d", r.StopOn.FailuresPercent)
	}
	if r.Filter.Labels, err = parseLabels(f.labels); err != nil {
		return err
	}
	if r.Filter.Since, err = parseSince("--since", f.since, now); err != nil {
		return err
	}
	r.Filter.Until, err = parseSince("--until", f.until, now)
	return err
}

// completeRerun says how jobs are run again.
func (f *operationFlags) completeRerun() error {
	if !f.rerun.given() {
		return nil
	}
	if f.request.Verb != api.OperationRerun {
		return usage("--from, --newest, --pipeline-digest, --param and --no-reuse are for rerun")
	}
	o, err := f.rerun.options()
	f.request.Rerun = &o
	return err
}

// operationItemsObject is a page of items under -o json.
type operationItemsObject struct {
	Type string `json:"type"`
	*api.OperationItems
}

func (p *Program) operationItemsCommand() *cobra.Command {
	var q api.ItemQuery
	var state string
	cmd := &cobra.Command{
		Use:     "items OPERATION [flags]",
		Short:   "Show what became of the items of an operation.",
		Args:    needs("OPERATION", 1),
		Example: "millrace operation items " + exampleOperation + " --state refused\nmillrace operation items " + exampleOperation + " --limit 500 -o json",
	}
	cmd.Flags().StringVar(&state, "state", "", "`STATE` to show: pending, sent, done, refused or failed (default all)")
	takesPage(cmd, &q.Limit, &q.Cursor, "items")
	p.completesOperations(cmd, &p.server)
	completesWords(cmd, "state", api.ItemStates())
	checks(cmd, func() error {
		if q.State = api.ItemState(state); state != "" && !slices.Contains(api.ItemStates(), q.State) {
			return usage("--state %q is none of %s", state, strings.Join(words(api.ItemStates()), ", "))
		}
		return inPage(q.Limit)
	})
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		page, err := c.OperationItems(ctx, args[0], q)
		if err != nil {
			return err
		}
		return p.print(operationItemsObject{"operation.items", page}, func(w io.Writer) error {
			p.more(page.NextCursor)
			if len(page.Items) == 0 {
				p.talk.Say("no items")
				return nil
			}
			_, err := itemTable(page.Items).WriteTo(w)
			return err
		})
	})
}

func itemTable(items []api.OperationItem) *term.Table {
	t := term.NewTable("ITEM", "STATE", "JOB STATE", "FAILED AGAIN", "JOB", "WHY")
	for _, it := range items {
		why := it.Detail
		if it.Code != "" {
			why += " (" + it.Code + ")"
		}
		t.Row(it.ID, string(it.State), dash(string(it.JobState)), dash(it.Again), dash(it.Job), term.Clean(why))
	}
	return t
}

// words are texts of a kind of their own as plain ones.
func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

// sortedLabels lists labels as they are typed.
func sortedLabels(labels map[string]string) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		list = append(list, name+"="+labels[name])
	}
	return list
}
