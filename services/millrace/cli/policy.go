package cli

import (
	"context"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/millrace/term"
)

type (
	// policyObject is the central table under -o json.
	policyObject struct {
		Type    string        `json:"type"`
		Classes []policyEntry `json:"classes"`
		Retry   retryEntry    `json:"retry"`
	}
	// policyEntry is what is done about faults of one class.
	policyEntry struct {
		Class string `json:"class"`
		// Again: tried again while the budget lasts. Free: does not count.
		Again bool `json:"again"`
		Free  bool `json:"free"`
		// Then is the state of a step that is not tried again.
		Then string `json:"then,omitempty"`
	}
	// retryEntry is the policy of a step that states none.
	retryEntry struct {
		MaxAttempts int     `json:"max_attempts"`
		InitialMS   int64   `json:"initial_ms"`
		MaxMS       int64   `json:"max_ms"`
		Factor      float64 `json:"factor"`
	}
)

func (p *Program) policyCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "policy",
		Short:   "See what is done about failed attempts.",
		Example: "millrace policy show\nmillrace policy show -o json",
	},
		p.policyShowCommand(),
	)
}

func (p *Program) policyShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show [flags]",
		Short: "Show what is done about a failed attempt, for each class of faults.",
		Long: "A step's retry in the pipeline file overrides the budget and the delays, and a rule of an operator\n" +
			"overrides both: see millrace rule. This is the table of this program; it needs no server.",
		Args:    nothing,
		Example: "millrace policy show\nmillrace policy show -o json",
	}
	p.takesOutput(cmd)
	return does(cmd, func(context.Context, []string) error {
		d := flow.DefaultRetry
		o := policyObject{Type: "policy", Retry: retryEntry{
			d.MaxAttempts, d.Initial.Milliseconds(), d.Max.Milliseconds(), d.Factor,
		}}
		for _, c := range flow.Policies() {
			o.Classes = append(o.Classes, policyEntry{string(c.Class), c.Again, c.Free, string(c.Then)})
		}
		return p.print(o, func(w io.Writer) error { return writePolicy(w, o) })
	})
}

func writePolicy(w io.Writer, o policyObject) error {
	t := term.NewTable("CLASS", "TRIED AGAIN", "COUNTS", "THEN")
	for _, c := range o.Classes {
		again, counts := "no", "-"
		switch {
		case c.Free:
			again, counts = "as long as it takes", "no"
		case c.Again:
			again, counts = "within the budget", "yes"
		}
		t.Row(c.Class, again, counts, dash(c.Then))
	}
	if _, err := t.WriteTo(w); err != nil {
		return err
	}
	return lines(w, "\nA step that says nothing has a budget of %d attempts, and waits at random up to %s after the first\n"+
		"failure, %s times as long after each further one, and at most %s.\n",
		o.Retry.MaxAttempts, milliseconds(o.Retry.InitialMS),
		strconv.FormatFloat(o.Retry.Factor, 'g', -1, 64), milliseconds(o.Retry.MaxMS))
}
