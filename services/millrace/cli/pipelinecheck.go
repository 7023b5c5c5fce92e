package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/services/mill"
)

// checkedObject is one checked file under -o json.
type checkedObject struct {
	Type  string `json:"type"`
	File  string `json:"file"`
	Valid bool   `json:"valid"`
	// Name and Digest are empty when the file is not valid.
	Name        string                `json:"name,omitempty"`
	Digest      string                `json:"digest,omitempty"`
	Diagnostics []pipeline.Diagnostic `json:"diagnostics"`
}

func (p *Program) pipelineCheckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check FILE... [flags]",
		Short: "Check pipeline files without a server, against the stages of this program.",
		Long: "Prints file:line:column, rule, message and suggestion of every problem. With -o json there is one\n" +
			"object of type pipeline.check on a line for each FILE. A FILE of - is standard input.",
		Args:    needs("FILE", 0),
		Example: "millrace pipeline check intake.yaml\nmillrace pipeline check pipelines/*.yaml -o json",
	}
	p.takesOutput(cmd)
	return does(cmd, func(_ context.Context, args []string) error {
		catalog := mill.Catalog()
		invalid := 0
		for _, file := range args {
			src, err := p.readPipeline(file)
			if err != nil {
				return err
			}
			definition, found := pipeline.Check(file, src, catalog)
			if definition == nil {
				invalid++
			}
			if err := p.printChecked(file, definition, found); err != nil {
				return err
			}
		}
		if invalid > 0 {
			return fault.New(fault.PipelineInvalid, "", nil)
		}
		return nil
	})
}

func (p *Program) printChecked(file string, d *pipeline.Definition, found []pipeline.Diagnostic) error {
	o := checkedObject{Type: "pipeline.check", File: file, Valid: d != nil, Diagnostics: found}
	if d != nil {
		o.Name, o.Digest = d.Name, d.Digest
	}
	if found == nil {
		o.Diagnostics = []pipeline.Diagnostic{}
	}
	return p.print(o, func(w io.Writer) error {
		for _, problem := range found {
			if err := lines(w, "%s\n", problem.String()); err != nil {
				return err
			}
		}
		if d == nil {
			return nil
		}
		return lines(w, "%s: ok, pipeline %s, %d steps\n", file, d.Name, len(d.Plan.Steps))
	})
}
