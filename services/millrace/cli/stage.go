package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/mill"
	"github.com/millrace/millrace/services/millrace/term"
)

type (
	// stageListObject is the list of stages under -o json.
	stageListObject struct {
		Type string `json:"type"`
		api.StageList
	}
	// stageObject is one stage under -o json.
	stageObject struct {
		Type string `json:"type"`
		api.Stage
	}
)

// remoteUsage is the help of the flag that asks a server instead of this program.
const remoteUsage = "ask the server instead of this program"

func (p *Program) stageCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "stage",
		Short:   "See what stages there are and how they are configured.",
		Example: "millrace stage list\nmillrace stage show compress",
	},
		p.stageListCommand(), p.stageShowCommand(),
	)
}

func (p *Program) stageListCommand() *cobra.Command {
	var server serverFlags
	var remote bool
	cmd := &cobra.Command{
		Use:     "list [flags]",
		Short:   "List the stages that pipelines may use.",
		Args:    nothing,
		Example: "millrace stage list\nmillrace stage list --remote -o json",
	}
	cmd.Flags().BoolVar(&remote, "remote", false, remoteUsage)
	server.add(cmd)
	p.takesOutput(cmd)
	return does(cmd, func(ctx context.Context, _ []string) error {
		list, err := p.stages(ctx, remote, server)
		if err != nil {
			return err
		}
		return p.print(stageListObject{"stage.list", api.StageList{Stages: list}}, func(w io.Writer) error {
			t := term.NewTable("STAGE", "WHAT IT DOES")
			for _, s := range list {
				t.Row(fmt.Sprintf("%s@%d", s.Name, s.Version), s.Summary)
			}
			_, err := t.WriteTo(w)
			return err
		})
	})
}

func (p *Program) stageShowCommand() *cobra.Command {
	var server serverFlags
	var remote bool
	cmd := &cobra.Command{
		Use:     "show NAME|NAME@VERSION [flags]",
		Short:   "Show what a stage takes, gives and guarantees.",
		Args:    needs("STAGE", 1),
		Example: "millrace stage show compress\nmillrace stage show compress@1 -o json",
	}
	cmd.Flags().BoolVar(&remote, "remote", false, remoteUsage)
	server.add(cmd)
	p.takesOutput(cmd)
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, s := range builtInStages() {
			names = append(names, s.Name+"\t"+s.Summary)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	return does(cmd, func(ctx context.Context, args []string) error {
		list, err := p.stages(ctx, remote, server)
		if err != nil {
			return err
		}
		s, err := findStage(list, args[0])
		if err != nil {
			return err
		}
		return p.print(stageObject{"stage", s}, func(w io.Writer) error { return writeStage(w, s) })
	})
}

// stages returns the stages of this program, or those of a server.
func (p *Program) stages(ctx context.Context, remote bool, server serverFlags) ([]api.Stage, error) {
	if !remote {
		return builtInStages(), nil
	}
	c, err := p.connect(server)
	if err != nil {
		return nil, err
	}
	return c.Stages(ctx)
}

// builtInStages returns the stages of this program in the shape of the API.
func builtInStages() []api.Stage {
	var list []api.Stage
	for _, s := range mill.Stages() {
		list = append(list, apiStage(s))
	}
	return list
}

func apiStage(s stage.Spec) api.Stage {
	return api.Stage{
		Name: s.Name, Version: s.Version, Logic: s.Logic, Summary: s.Summary, Guarantee: s.Guarantee,
		Inputs: s.Inputs, Outputs: s.Outputs, Findings: s.Findings, Faults: s.Faults, Needs: s.Needs,
		Config: s.Config, TimeoutMS: s.Timeout.Milliseconds(), WritesLittle: s.WritesLittle,
	}
}

// findStage finds the newest version of a name, or the one that is asked for.
func findStage(list []api.Stage, ref string) (api.Stage, error) {
	var best api.Stage
	var refs []string
	for _, s := range list {
		full := fmt.Sprintf("%s@%d", s.Name, s.Version)
		refs = append(refs, full)
		if full == ref || s.Name == ref && s.Version > best.Version {
			best = s
		}
	}
	if best.Name == "" {
		return best, fault.New(fault.StageUnknown, fault.Clip(ref, 80)+"; there are "+strings.Join(refs, ", "), nil)
	}
	return best, nil
}

// writeStage writes everything that is known of a stage, its schema last.
func writeStage(w io.Writer, s api.Stage) error {
	t := term.NewTable()
	t.Row("stage", fmt.Sprintf("%s@%d", s.Name, s.Version))
	t.Row("summary", s.Summary)
	t.Row("guarantee", s.Guarantee)
	t.Row("inputs", s.Inputs)
	t.Row("outputs", s.Outputs)
	for _, key := range slices.Sorted(maps.Keys(s.Findings)) {
		t.Row("finding", key+": "+s.Findings[key])
	}
	t.Row("faults", dash(strings.Join(s.Faults, ", ")))
	if len(s.Needs) > 0 {
		t.Row("needs", strings.Join(s.Needs, ", "))
	}
	timeout := 5 * time.Minute
	if s.TimeoutMS > 0 {
		timeout = time.Duration(s.TimeoutMS) * time.Millisecond
	}
	t.Row("timeout", timeout.String()+" an attempt, unless the step says otherwise")
	if s.WritesLittle {
		t.Row("full disk", "it goes on, as it writes little")
	} else {
		t.Row("full disk", "it rests until there is room")
	}
	if _, err := t.WriteTo(w); err != nil {
		return err
	}
	if len(s.Config) == 0 {
		return lines(w, "\nIt takes no configuration.\n")
	}
	var schema bytes.Buffer
	if err := json.Indent(&schema, bytes.TrimSpace(s.Config), "", "  "); err != nil {
		return err
	}
	return lines(w, "\nThe schema of with:\n%s\n", schema.String())
}
