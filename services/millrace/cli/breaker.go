package cli

import (
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/millrace/term"
)

// breakerListObject is the list of breakers under -o json.
type breakerListObject struct {
	Type string `json:"type"`
	api.BreakerList
}

func (p *Program) breakerCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "breaker",
		Short:   "See which dependencies the workers have trouble with.",
		Example: "millrace breaker list\nmillrace breaker list -o json",
	},
		p.breakerListCommand(),
	)
}

func (p *Program) breakerListCommand() *cobra.Command {
	return lists(p, "breaker", "List what the workers have said of dependencies in the last minutes.",
		(*client.Client).Breakers, p.showBreakers)
}

func (p *Program) showBreakers(list []events.Breaker) error {
	return p.print(breakerListObject{"breaker.list", api.BreakerList{Breakers: list}}, func(w io.Writer) error {
		if len(list) == 0 {
			p.talk.Say("no trouble with any dependency")
			return nil
		}
		_, err := breakerTable(list, time.Now()).WriteTo(w)
		return err
	})
}

// breakerTable has a row for what each worker says of a dependency, with the stages that
// it concerns there.
func breakerTable(list []events.Breaker, now time.Time) *term.Table {
	t := term.NewTable("DEPENDENCY", "WORKER", "STATE", "SINCE", "UNTIL", "REASON", "STAGES")
	for _, b := range list {
		until := ""
		if left := b.Until.Sub(now); b.State == events.BreakerOpen && left > 0 {
			until = "in " + term.Took(left)
		}
		t.Row(b.Dependency, b.Worker, string(b.State), term.Ago(b.Since, now), dash(until), dash(b.Reason),
			dash(strings.Join(b.Stages, ", ")))
	}
	return t
}
