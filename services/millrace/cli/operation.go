package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/millrace/term"
)

type (
	// operationObject is an operation under -o json.
	operationObject struct {
		Type string `json:"type"`
		*api.Operation
	}
	// operationListObject is the list of operations under -o json.
	operationListObject struct {
		Type string `json:"type"`
		api.OperationList
	}
)

const exampleOperation = "b7wkq3d2nq5mzx4yfh6aolj2re"

func (p *Program) operationCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "operation",
		Short: "Do something to many jobs or dead letters, at a rate they can bear.",
		Example: "millrace operation start retry --state attention --pipeline intake --reason \"crm is back\" --dry-run\n" +
			"millrace operation get " + exampleOperation,
	},
		p.operationStartCommand(), p.operationListCommand(), p.operationGetCommand(), p.operationItemsCommand(),
		p.operationActCommand("stop", "Begin nothing more of an operation; what is on its way goes on.", "lunch",
			(*client.Client).StopOperation),
		p.operationActCommand("resume", "Go on with an operation that was stopped, slowly at first.", "",
			func(c *client.Client, ctx context.Context, id, _ string) (*api.Operation, error) {
				return c.ResumeOperation(ctx, id)
			}),
	)
}

func (p *Program) operationListCommand() *cobra.Command {
	return lists(p, "operation", "List operations, newest first.", (*client.Client).Operations, p.showOperations)
}

func (p *Program) showOperations(list []api.Operation) error {
	if list == nil {
		list = []api.Operation{}
	}
	return p.print(operationListObject{"operation.list", api.OperationList{Operations: list}}, func(w io.Writer) error {
		if len(list) == 0 {
			p.talk.Say("no operations")
			return nil
		}
		now := time.Now()
		t := term.NewTable("OPERATION", "VERB", "STATE", "AGE", "MATCHED", "DONE", "REFUSED", "FAILED", "REMAINING", "REASON")
		for _, op := range list {
			n := op.Counts
			t.Row(op.ID, verbText(&op), string(op.State), term.Ago(op.AcceptedAt, now), fmt.Sprint(n.Matched), fmt.Sprint(n.Done),
				fmt.Sprint(n.Refused), fmt.Sprint(n.Failed), fmt.Sprint(n.Remaining), term.Short(term.Clean(op.Reason), 40))
		}
		_, err := t.WriteTo(w)
		return err
	})
}

func (p *Program) operationGetCommand() *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:     "get OPERATION [flags]",
		Short:   "Show an operation and how far it is.",
		Args:    needs("OPERATION", 1),
		Example: "millrace operation get " + exampleOperation + "\nmillrace operation get " + exampleOperation + " --wait -o json",
	}
	cmd.Flags().BoolVar(&wait, "wait", false, waitUsage)
	p.completesOperations(cmd, &p.server)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		op, err := c.Operation(ctx, args[0])
		if err != nil {
			return err
		}
		if wait {
			return p.awaitOperation(ctx, c, op)
		}
		return p.printOperation(op)
	})
}

// actOnOperation is one of the client's commands to an operation.
type actOnOperation func(c *client.Client, ctx context.Context, id, reason string) (*api.Operation, error)

// operationActCommand makes the command that stops or resumes an operation. example
// is a reason; without one the command takes none.
func (p *Program) operationActCommand(verb, sentence, example string, do actOnOperation) *cobra.Command {
	var reason string
	line := "millrace operation " + verb + " " + exampleOperation
	cmd := &cobra.Command{
		Use:     verb + " OPERATION [flags]",
		Short:   sentence,
		Args:    needs("OPERATION", 1),
		Example: line + "\n" + line + " -o json",
	}
	if example != "" {
		cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` kept with the operation, at most 1 KiB")
		cmd.Example = line + "\n" + line + " --reason " + example
	}
	p.completesOperations(cmd, &p.server)
	checks(cmd, func() error { return brief(reason) })
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		op, err := do(c, ctx, args[0], reason)
		if err != nil {
			return err
		}
		return p.print(operationObject{"operation", op}, func(w io.Writer) error {
			return lines(w, "%s  %s\n", op.ID, op.State)
		})
	})
}

// printOperation prints an operation as a whole.
func (p *Program) printOperation(op *api.Operation) error {
	return p.print(operationObject{"operation", op}, func(w io.Writer) error {
		now := time.Now()
		t := term.NewTable()
		t.Row("operation", op.ID)
		t.Row("verb", verbText(op))
		t.Row("state", string(op.State)+" for "+term.Ago(op.ChangedAt, now))
		if op.Why != "" {
			t.Row("why", op.Why)
		}
		t.Row("filter", filterText(op.Filter))
		t.Row("reason", op.Reason)
		t.Row("by", dash(op.By))
		t.Row("rate", fmt.Sprintf("%g a second, %d in flight", op.Rate, op.InFlight))
		n := op.Counts
		t.Row("matched", fmt.Sprint(n.Matched))
		t.Row("done", fmt.Sprintf("%d, of which %d failed again", n.Done, n.Again))
		t.Row("refused", fmt.Sprint(n.Refused))
		t.Row("failed", fmt.Sprint(n.Failed))
		t.Row("remaining", fmt.Sprint(n.Remaining))
		if op.State == api.OperationRunning {
			t.Row("now", fmt.Sprintf("%d in flight, %.3g a second", n.InFlight, op.Pace))
		}
		_, err := t.WriteTo(w)
		return err
	})
}

func verbText(op *api.Operation) string {
	if op.DryRun {
		return string(op.Verb) + " (dry run)"
	}
	return string(op.Verb)
}

// filterText writes a filter as the flags that state it.
func filterText(f api.OperationFilter) string {
	var parts []string
	add := func(flag, value string) {
		if value != "" {
			parts = append(parts, "--"+flag+" "+value)
		}
	}
	add("state", strings.ReplaceAll(joined(f.States), ", ", ","))
	add("pipeline", f.Pipeline)
	for _, label := range sortedLabels(f.Labels) {
		add("label", label)
	}
	add("code", f.Code)
	add("consumer", f.Consumer)
	if !f.Since.IsZero() {
		add("since", f.Since.Format(time.RFC3339))
	}
	if !f.Until.IsZero() {
		add("until", f.Until.Format(time.RFC3339))
	}
	add("id", strings.Join(f.IDs, ","))
	return strings.Join(parts, " ")
}

// completesOperations lets the shell complete the ids of operations.
func (p *Program) completesOperations(cmd *cobra.Command, server *serverFlags) {
	cmd.ValidArgsFunction = p.completes(server, func(ctx context.Context, c *client.Client) ([]string, error) {
		list, err := c.Operations(ctx)
		if err != nil {
			return nil, err
		}
		var ids []string
		for _, op := range list {
			ids = append(ids, op.ID+"\t"+string(op.State)+" "+string(op.Verb))
		}
		return ids, nil
	})
}

// waitUsage is the help of the flag --wait of operations.
const waitUsage = "wait until it is done or stopped: exits with 3 when items were refused or failed, with 7 when it stopped"

// operationPause is how often an operation that is waited for is looked at.
const operationPause = 300 * time.Millisecond

// awaitOperation waits until an operation no longer runs, and prints it.
func (p *Program) awaitOperation(ctx context.Context, c *client.Client, op *api.Operation) (err error) {
	for op.State == api.OperationRunning {
		select {
		case <-time.After(operationPause):
		case <-ctx.Done():
			p.talk.Hint("the operation goes on; stop it with millrace operation stop " + op.ID)
			return ctx.Err()
		}
		if op, err = c.Operation(ctx, op.ID); err != nil {
			return err
		}
	}
	if err := p.printOperation(op); err != nil {
		return err
	}
	switch {
	case op.State == api.OperationStopped:
		p.talk.Hint("mend the cause, then millrace operation resume " + op.ID)
		return &jobEnded{events.JobAttention}
	case op.Counts.Refused+op.Counts.Failed > 0:
		p.talk.Hint("see why with millrace operation items " + op.ID + " --state refused")
		return &jobEnded{events.JobPartial}
	}
	return nil
}
