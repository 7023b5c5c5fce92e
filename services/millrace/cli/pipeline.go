package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/services/millrace/term"
)

type (
	// pipelineListObject is the list of pipelines under -o json.
	pipelineListObject struct {
		Type string `json:"type"`
		api.PipelineList
	}
	// pipelineObject is one version of a pipeline under -o json.
	pipelineObject struct {
		Type string `json:"type"`
		api.Pipeline
	}
	// appliedObject is one applied file under -o json.
	appliedObject struct {
		Type string `json:"type"`
		File string `json:"file"`
		api.Applied
	}
)

func (p *Program) pipelineCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "pipeline",
		Short: "Check, apply and read pipelines.",
		Example: "millrace pipeline check intake.yaml\n" +
			"millrace pipeline apply intake.yaml",
	},
		p.pipelineApplyCommand(), p.pipelineListCommand(), p.pipelineGetCommand(), p.pipelineCheckCommand(),
	)
}

func (p *Program) pipelineListCommand() *cobra.Command {
	return lists(p, "pipeline", "List the pipelines of the server.", (*client.Client).Pipelines, p.showPipelines)
}

func (p *Program) showPipelines(list []api.PipelineEntry) error {
	if list == nil {
		list = []api.PipelineEntry{}
	}
	return p.print(pipelineListObject{"pipeline.list", api.PipelineList{Pipelines: list}}, func(w io.Writer) error {
		t := term.NewTable("NAME", "VERSION", "APPLIED", "DESCRIPTION")
		for _, e := range list {
			t.Row(e.Name, shortDigest(e.Digest), e.AppliedAt.UTC().Format("2006-01-02 15:04:05"), e.Description)
		}
		_, err := t.WriteTo(w)
		return err
	})
}

func (p *Program) pipelineGetCommand() *cobra.Command {
	var digest string
	cmd := &cobra.Command{
		Use:     "get NAME [flags]",
		Short:   "Print a pipeline file as it was applied.",
		Args:    needs("NAME", 1),
		Example: "millrace pipeline get default > mine.yaml\nmillrace pipeline get default -o json",
	}
	cmd.ValidArgsFunction = p.completes(&p.server, pipelineNames)
	cmd.Flags().StringVar(&digest, "digest", "", "`DIGEST` of an earlier version (default the current one)")
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		pipe, err := c.Pipeline(ctx, args[0], digest)
		if err != nil {
			return err
		}
		return p.print(pipelineObject{"pipeline", *pipe}, func(w io.Writer) error {
			_, err := io.WriteString(w, pipe.Source)
			return err
		})
	})
}

func (p *Program) pipelineApplyCommand() *cobra.Command {
	var server serverFlags
	cmd := &cobra.Command{
		Use:   "apply FILE... [flags]",
		Short: "Make pipeline files the current versions of their names.",
		Long:  "A FILE of - is standard input. Jobs that run keep the version they began with.",
		Args:  needs("FILE", 0),
		Example: "millrace pipeline apply intake.yaml\n" +
			"millrace pipeline apply pipelines/*.yaml",
	}
	server.add(cmd)
	p.takesOutput(cmd)
	takesReason(cmd)
	return does(cmd, func(ctx context.Context, args []string) error {
		sources := make([][]byte, len(args))
		for i, file := range args {
			var err error
			if sources[i], err = p.readPipeline(file); err != nil {
				return err
			}
		}
		c, err := p.connect(server)
		if err != nil {
			return err
		}
		for i, file := range args {
			applied, err := c.ApplyPipeline(ctx, "", sources[i])
			if err != nil {
				return located(err, file)
			}
			if err := p.printApplied(file, applied); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *Program) printApplied(file string, a *api.Applied) error {
	return p.print(appliedObject{"pipeline.applied", file, *a}, func(w io.Writer) error {
		for _, d := range a.Warnings {
			d.File = file
			p.talk.Warn("%s", pipeline.Diagnostic(d).String())
		}
		word := "applied"
		if !a.Created {
			word = "unchanged"
		}
		return lines(w, "%s  %s  %s\n", a.Name, shortDigest(a.Digest), word)
	})
}

// readPipeline reads a file, or standard input for "-", up to the size a pipeline
// may have and one byte more, so that too much is noticed and not read.
func (p *Program) readPipeline(file string) ([]byte, error) {
	in := p.In
	if file != "-" {
		f, err := os.Open(p.absolute(file))
		if err != nil {
			return nil, unreadable(err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, pipeline.MaxSource+1))
	if err != nil {
		return nil, unreadable(err)
	}
	return data, nil
}

// located puts the name of the file into the complaints of a server that has only
// seen its content.
func located(err error, file string) error {
	var p *client.Problem
	if !errors.As(err, &p) {
		return err
	}
	for i, e := range p.Errors {
		if strings.Count(e.Pointer, ":") == 1 {
			p.Errors[i].Pointer = file + ":" + e.Pointer
		}
	}
	return err
}
