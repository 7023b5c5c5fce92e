package cli

import (
	"context"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/millrace/term"
)

// faultListObject is the list of faults under -o json.
type faultListObject struct {
	Type   string       `json:"type"`
	Faults []fault.Info `json:"faults"`
}

func (p *Program) faultCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "fault",
		Short:   "Read what a fault's code means, and what to do about it.",
		Example: "millrace fault get s3.full\nmillrace fault list --class auth",
	},
		p.faultListCommand(), p.faultGetCommand(),
	)
}

func (p *Program) faultListCommand() *cobra.Command {
	var class string
	cmd := &cobra.Command{
		Use: "list [flags]", Short: "List the codes of faults.",
		Long:    "The list is that of this program; it needs no server.",
		Args:    nothing,
		Example: "millrace fault list\nmillrace fault list --class dependency_down",
	}
	cmd.Flags().StringVar(&class, "class", "", "only those of `CLASS`; see millrace policy show")
	p.takesOutput(cmd)
	return does(cmd, func(context.Context, []string) error {
		o := faultListObject{Type: "fault.list", Faults: []fault.Info{}}
		for _, c := range fault.Codes() {
			if i := c.Info(); class == "" || string(i.Class) == class {
				o.Faults = append(o.Faults, i)
			}
		}
		if len(o.Faults) == 0 {
			return usage("there is no class %s", class)
		}
		return p.print(o, func(w io.Writer) error {
			t := term.NewTable("CODE", "CLASS", "WHAT HAPPENED")
			for _, i := range o.Faults {
				t.Row(string(i.Code), string(i.Class), i.Text)
			}
			_, err := t.WriteTo(w)
			return err
		})
	})
}

func (p *Program) faultGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "get CODE [flags]", Short: "Read what a fault's code means, and what to do about it.",
		Long:    "The text is that of this program; it needs no server.",
		Args:    needs("CODE", 1),
		Example: "millrace fault get s3.full\nmillrace fault get s3.full -o json",
	}
	p.takesOutput(cmd)
	return does(cmd, func(_ context.Context, args []string) error {
		code := fault.Code(args[0])
		if !slices.Contains(fault.Codes(), code) {
			return usage("there is no fault %s; see millrace fault list", code)
		}
		i := code.Info()
		return p.print(i, func(w io.Writer) error {
			t := term.NewTable()
			t.Row("code", string(i.Code))
			t.Row("class", string(i.Class))
			t.Row("happened", i.Text)
			t.Row("hint", i.Hint)
			t.Row("status", strconv.Itoa(i.Status))
			_, err := t.WriteTo(w)
			return err
		})
	})
}
