package cli

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/millrace/term"
)

// explanationObject is an explanation under -o json.
type explanationObject struct {
	Type string `json:"type"`
	*api.Explanation
}

func (p *Program) jobExplainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain JOB [flags]",
		Short: "Say why a job and its steps stand where they stand, and what would move them.",
		Args:  needs("JOB", 1),
		Example: "millrace job explain " + exampleJob + "\n" +
			"millrace job explain " + exampleJob + " -o json",
	}
	p.completesJobs(cmd, &p.server)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		e, err := c.Explain(ctx, args[0])
		if err != nil {
			return err
		}
		return p.print(explanationObject{"job.explanation", e}, func(w io.Writer) error { return writeReasons(w, e) })
	})
}

// writeReasons writes a line for the job and for each step, and below it what moves
// it, what may be asked of it, and what to do about its fault.
func writeReasons(w io.Writer, e *api.Explanation) error {
	t := term.NewTable("WHAT", "STATE", "WHY")
	for _, r := range e.Reasons {
		what := r.Step
		switch {
		case r.Step == "":
			what = "job"
		case r.Undo:
			what += ", undo"
		}
		t.Row(what, r.State, r.Why)
		if r.Next != "" {
			t.Row("", "", "next: "+r.Next)
		}
		if r.AttemptsLeft > 0 {
			t.Row("", "", "attempts left: "+strconv.Itoa(r.AttemptsLeft))
		}
		if text := allowedText(r.Choices); text != "" {
			t.Row("", "", "may be asked: "+text)
		}
		if r.Fault != nil && r.Fault.Hint != "" && r.Step != "" {
			t.Row("", "", "hint: "+r.Fault.Hint)
		}
	}
	_, err := t.WriteTo(w)
	return err
}

// allowedText lists commands as they are typed:
// "cancel, retry --step a --effect WORD, skip --step b|c".
func allowedText(choices []events.Choice) string {
	var list []string
	for _, c := range choices {
		text := string(c.Verb)
		for _, need := range c.Needs {
			switch need {
			case "step":
				text += " --step " + strings.Join(c.Steps, "|")
			case "force":
				text += " --force"
			case "effect":
				text += " --effect done|not-done"
			case "reason":
				text += " --reason TEXT"
			case "irreversible":
				text += " --accept-irreversible"
			}
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}
