package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// Values of mode.
const (
	modeEach = "each"
	modeAll  = "all"
)

type config struct {
	Run       []string       `json:"run"`
	Mode      string         `json:"mode"`
	Output    string         `json:"output"`
	MediaType string         `json:"media_type"`
	Pass      bool           `json:"pass"`
	TimeLimit stage.Duration `json:"time_limit"`
	MaxOutput stage.Bytes    `json:"max_output"`
	Undo      *undo          `json:"undo"`
}

// undo is the program that takes a run back.
type undo struct {
	Run       []string       `json:"run"`
	TimeLimit stage.Duration `json:"time_limit"`
	MaxOutput stage.Bytes    `json:"max_output"`
}

func defaults() config { return config{Mode: modeEach, Output: "{{name}}", MaxOutput: 1 << 30} }

// UnmarshalJSON reads what a step says over the defaults. It is as strict as the
// configuration that it stands in.
func (u *undo) UnmarshalJSON(data []byte) error {
	type bare undo
	b := bare{MaxOutput: 1 << 30}
	t := stage.Task{RawConfig: data}
	if err := t.Config(&b); err != nil {
		return errors.Unwrap(err)
	}
	*u = undo(b)
	return nil
}

var placeholder = regexp.MustCompile(`\{\{[^{}]*\}\}`)

var (
	inArguments = []string{"{{in}}", "{{out}}", "{{outdir}}", "{{name}}", "{{stem}}", "{{ext}}"}
	inOutput    = []string{"{{name}}", "{{stem}}", "{{ext}}"}
	inUndo      = []string{"{{in}}", "{{made}}", "{{name}}", "{{stem}}", "{{ext}}"}
)

// Check says what a schema cannot.
func (c *config) Check() error {
	if c.Mode != modeEach && c.Mode != modeAll {
		return fmt.Errorf("mode is %q, not each or all", fault.Clip(c.Mode, 64))
	}
	if err := c.checkRun(c.Run, inArguments); err != nil {
		return err
	}
	if err := c.checkOutput(); err != nil {
		return err
	}
	return c.checkUndo()
}

// checkRun checks a program and its arguments.
func (c *config) checkRun(run, known []string) error {
	if len(run) == 0 || run[0] == "" {
		return fmt.Errorf("run names no program")
	}
	if placeholder.MatchString(run[0]) {
		return fmt.Errorf("the program cannot be a placeholder")
	}
	for _, arg := range run {
		if strings.ContainsRune(arg, 0) {
			return fmt.Errorf("an argument contains a zero byte")
		}
		if err := checkPlaceholders(arg, known); err != nil {
			return err
		}
		if c.Mode == modeAll && strings.Contains(arg, "{{in}}") && arg != "{{in}}" {
			return fmt.Errorf("with mode all, {{in}} is an argument of its own")
		}
		if strings.Contains(arg, "{{made}}") && arg != "{{made}}" {
			return fmt.Errorf("{{made}} is an argument of its own")
		}
	}
	return nil
}

func (c *config) checkUndo() error {
	if c.Undo == nil {
		return nil
	}
	if err := c.checkRun(c.Undo.Run, inUndo); err != nil {
		return fmt.Errorf("undo: %w", err)
	}
	if c.Undo.MaxOutput < 1 {
		return fmt.Errorf("undo: max_output is zero")
	}
	return nil
}

func (c *config) checkOutput() error {
	if err := checkPlaceholders(c.Output, inOutput); err != nil {
		return err
	}
	out, outdir := c.uses("{{out}}"), c.uses("{{outdir}}")
	switch {
	case out && outdir:
		return fmt.Errorf("{{out}} and {{outdir}} exclude each other")
	case c.Pass && (out || outdir):
		return fmt.Errorf("with pass there is no output: remove {{out}} and {{outdir}}")
	case c.Output == "":
		return fmt.Errorf("output is empty")
	case c.MaxOutput < 1:
		return fmt.Errorf("max_output is zero")
	case len(c.MediaType) > 255:
		return fmt.Errorf("media_type is longer than 255 bytes")
	}
	return nil
}

func checkPlaceholders(text string, known []string) error {
	for _, p := range placeholder.FindAllString(text, -1) {
		if !slices.Contains(known, p) {
			return fmt.Errorf("there is no %s here, only %s", fault.Clip(p, 40), strings.Join(known, " "))
		}
	}
	return nil
}

// uses reports whether an argument contains the placeholder p.
func (c *config) uses(p string) bool {
	return slices.ContainsFunc(c.Run, func(arg string) bool { return strings.Contains(arg, p) })
}

func spec() stage.Spec {
	return stage.Spec{
		Name: "command", Version: 1, Logic: "1",
		Summary: "Runs a program that the operator allows on each file, or on all of them.",
		Guarantee: "A program that is no longer wanted is killed with all processes of its group. Repeated, " +
			"the program runs again; what it prints then counts only if no attempt was recorded before. " +
			"What else it does to the world is its own affair. With undo, a run that has ended well is not " +
			"repeated, none begins once the step is being taken back, and the program of undo takes back " +
			"every run that has begun: at least once, also when the run failed or was cut off in the middle.",
		Inputs:  "The files to work on.",
		Outputs: "What the program wrote, one file for each run, or all files of {{outdir}}; with pass the inputs.",
		Findings: map[string]string{
			"commands": "How many times the program ran.",
			"stdout":   "With pass: the end of what the last run printed.",
		},
		Faults: []string{
			string(fault.CommandNotAllowed), string(fault.CommandNotFound), string(fault.CommandFailed),
			string(fault.CommandTryLater), string(fault.CommandTimeout), string(fault.CommandTooMuchOutput),
			string(fault.CommandNoOutput), string(fault.StageScratchFull), string(fault.StageScratchFailed),
			string(fault.StageBadConfig), string(fault.StageNoInput), string(fault.SubmitBadName),
			string(fault.ArtifactNotFound), string(fault.ArtifactCorrupt), string(fault.ArtifactIO),
			string(fault.ArtifactDiskFull), string(fault.EffectRefused), string(fault.CheckpointOvertaken),
			string(fault.CheckpointUnexpected), string(fault.JobCancelled), string(fault.InternalBug),
		},
		Config:  json.RawMessage(schema),
		UndoKey: "undo",
		Scratch: true,
	}
}

const schema = `{
"$schema": "https://json-schema.org/draft/2020-12/schema",
"type": "object", "additionalProperties": false, "required": ["run"],
"properties": {
  "run": {"type": "array", "minItems": 1, "maxItems": 256, "items": {"type": "string", "maxLength": 4096},
    "description": "The program and its arguments. {{in}} and {{out}} stand for paths, {{outdir}} for a folder, {{name}}, {{stem}} and {{ext}} for the input's name. Without {{in}} the file is on stdin, without {{out}} and {{outdir}} the output is stdout."},
  "mode": {"type": "string", "enum": ["each", "all"], "default": "each",
    "description": "Run once for each file, or once for all: then {{in}} stands for one argument per file, stdin is all files in a row, and {{name}} is the first file's."},
  "output": {"type": "string", "minLength": 1, "maxLength": 255, "default": "{{name}}",
    "description": "Name of the output, for example {{stem}}.txt. Files of {{outdir}} keep their own names."},
  "media_type": {"type": "string", "maxLength": 255, "description": "Media type of the outputs."},
  "pass": {"type": "boolean", "default": false,
    "description": "Hand on the inputs; what the program prints becomes the finding stdout."},
  "time_limit": {` + stage.DurationSchema + `, "description": "How long one run may take. Default: as long as the step."},
  "max_output": {` + stage.BytesSchema + `, "default": "1GiB",
    "description": "How much one run may print and write. Files are measured four times a second."},
  "undo": {"type": "object", "additionalProperties": false, "required": ["run"],
    "description": "The program that takes a run back when the job is compensated. Without it the step is not undone.",
    "properties": {
      "run": {"type": "array", "minItems": 1, "maxItems": 256, "items": {"type": "string", "maxLength": 4096},
        "description": "The program and its arguments. {{in}} stands for the inputs of the run, {{made}} for one argument per output, {{name}}, {{stem}} and {{ext}} for the input's name. On stdin is what is known of the run, as JSON. It may be run again, and of a run that did nothing: what is not there is taken back."},
      "time_limit": {` + stage.DurationSchema + `, "description": "How long it may take. Default: as long as the step."},
      "max_output": {` + stage.BytesSchema + `, "default": "1GiB", "description": "How much it may print and write."}}}
}}`
