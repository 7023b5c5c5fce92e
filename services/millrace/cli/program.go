// Package cli is the command line of Millrace: the commands, their flags, what
// they print, and the one table of exit codes.
//
// Data goes to standard output, talk to standard error. Every command takes
// -o json and then prints objects that carry their kind in "type".
package cli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/millrace/term"
)

// Program is what one run of the command line has to do with the world outside.
type Program struct {
	In       io.Reader
	Out, Err io.Writer
	// Getenv looks a variable of the environment up.
	Getenv func(string) string
	// Dir is the working directory, an absolute path.
	Dir string

	talk   *term.Talk
	output outputFlag
	server serverFlags
	token  string // of --token
}

// Run runs one command line, without the program's name, and returns its exit
// code. A context that ends with a cause of code cli.interrupted gives 130.
func (p *Program) Run(ctx context.Context, args []string) int {
	p.talk = term.NewTalk(p.Err)
	p.output = outputText
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	cmd, err := root.ExecuteContextC(ctx)
	err = p.settle(ctx, err)
	if err != nil {
		p.complain(cmd.CommandPath(), err)
	}
	return ExitOf(err)
}

// settle turns what a command returned into the error that counts: an
// interruption when the context has ended, a usage fault for what the parser of
// the command line refused, and else the error itself.
func (p *Program) settle(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var ended *jobEnded
	var stopped *stopError
	var f *fault.Error
	var ran *runError
	switch {
	case errors.As(err, &ended), errors.As(err, &stopped):
		return err
	case fault.Has(context.Cause(ctx), fault.CliInterrupted):
		return context.Cause(ctx)
	case errors.As(err, &f):
		return err
	case errors.As(err, &ran):
		return fault.From(ran.err)
	}
	return usage("%s", err.Error())
}

// runError marks an error of a command's work, as opposed to one of the parser.
type runError struct{ err error }

// Error returns the text of the cause.
func (e *runError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *runError) Unwrap() error { return e.err }

// run is the RunE of a command.
type run func(ctx context.Context, args []string) error

// does gives cmd its work.
func does(cmd *cobra.Command, work run) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := work(cmd.Context(), args); err != nil {
			return &runError{err}
		}
		return nil
	}
	return cmd
}
