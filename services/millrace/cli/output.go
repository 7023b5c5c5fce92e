package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/fault"
)

// outputFlag is the form of what a command prints.
type outputFlag string

const (
	outputText outputFlag = "text"
	outputJSON outputFlag = "json"
)

// String returns the form.
func (o *outputFlag) String() string { return string(*o) }

// Type is what the help shows as the value of the flag.
func (o *outputFlag) Type() string { return "text|json" }

// Set takes text or json.
func (o *outputFlag) Set(s string) error {
	switch outputFlag(s) {
	case outputText, outputJSON:
		*o = outputFlag(s)
		return nil
	}
	return fmt.Errorf("is text or json, not %q", s)
}

// takesOutput gives cmd the flag -o.
func (p *Program) takesOutput(cmd *cobra.Command) {
	cmd.Flags().VarP(&p.output, "output", "o", "form of what is printed")
	// The only error is an unknown flag, and the flag is the line above.
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(
		[]string{string(outputText), string(outputJSON)}, cobra.ShellCompDirectiveNoFileComp))
}

// asJSON reports whether -o json was given.
func (p *Program) asJSON() bool { return p.output == outputJSON }

// print writes v as one line of JSON under -o json, and else calls text.
func (p *Program) print(v any, text func(w io.Writer) error) error {
	if p.asJSON() {
		return writeJSON(p.Out, v)
	}
	return written(text(p.Out))
}

// writeJSON writes v as one line.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return written(e.Encode(v))
}

// written classifies an error of writing to standard output.
func written(err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.CliWriteFailed, "", err)
}

// lines writes lines of text.
func lines(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(w, format, args...)
	return err
}
