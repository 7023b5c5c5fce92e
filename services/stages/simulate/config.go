package simulate

import (
	"encoding/json"
	"fmt"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// config is what a step may say.
type config struct {
	Delay        stage.Duration `json:"delay"`
	IgnoreCancel bool           `json:"ignore_cancel"`
	Hang         bool           `json:"hang"`
	Panic        bool           `json:"panic"`
	Fail         *failure       `json:"fail"`
	Emit         []emission     `json:"emit"`
	Verdict      string         `json:"verdict"`
}

// effectConfig is what a step with an undo may say.
type effectConfig struct {
	config
	Undo undo `json:"undo"`
}

type failure struct {
	Class      string         `json:"class"`
	Code       string         `json:"code"`
	Message    string         `json:"message"`
	Times      int            `json:"times"`
	RetryAfter stage.Duration `json:"retry_after"`
}

type emission struct {
	Name      string      `json:"name"`
	MediaType string      `json:"media_type"`
	Bytes     stage.Bytes `json:"bytes"`
	Seed      uint64      `json:"seed"`
}

type undo struct {
	Delay stage.Duration `json:"delay"`
	Fail  *failure       `json:"fail"`
}

// Check says what a schema cannot.
func (c *config) Check() error {
	if err := c.Fail.check(); err != nil {
		return err
	}
	if len(c.Emit) > 100 {
		return fmt.Errorf("emit names %d files, at most 100 are made", len(c.Emit))
	}
	for _, e := range c.Emit {
		if err := artifact.CheckName(e.Name); err != nil {
			return fault.New(fault.StageBadConfig, "emit", err)
		}
	}
	if len(c.Verdict) > stage.MaxFinding {
		return fmt.Errorf("verdict is longer than %d bytes", stage.MaxFinding)
	}
	return nil
}

// Check says what a schema cannot.
func (c *effectConfig) Check() error {
	if err := c.config.Check(); err != nil {
		return err
	}
	return c.Undo.Fail.check()
}

func (f *failure) check() error {
	switch {
	case f == nil:
		return nil
	case f.Class == "" && f.Code == "":
		return fmt.Errorf("fail names neither class nor code")
	case f.Class != "" && !classes[fault.Class(f.Class)]:
		return fmt.Errorf("there is no class %q", fault.Clip(f.Class, 64))
	case f.Code != "" && fault.Code(f.Code).Info().Hint == "":
		return fmt.Errorf("there is no code %q", fault.Clip(f.Code, 64))
	case f.Times < 0:
		return fmt.Errorf("times is negative")
	}
	return nil
}

var classes = map[fault.Class]bool{
	fault.Unclassified: true, fault.Transient: true, fault.RateLimited: true,
	fault.DependencyDown: true, fault.Timeout: true, fault.Resource: true,
	fault.DataQuality: true, fault.SchemaMismatch: true, fault.Policy: true,
	fault.Auth: true, fault.Poison: true, fault.Conflict: true,
	fault.UnknownEffect: true, fault.Cancelled: true, fault.Bug: true,
}

func spec() stage.Spec {
	return stage.Spec{
		Name: "simulate", Version: 1, Logic: "1",
		Summary:   "Pretends to work: waits, fails, hangs, panics or makes files, as told.",
		Guarantee: "Repeated, it hands on the same files. It has no effects.",
		Inputs:    "Any files, also none; it does not read them.",
		Outputs:   "The input files, followed by those that emit describes.",
		Findings:  map[string]string{"verdict": "What the step was told to find."},
		Faults:    []string{string(fault.SimulateFailed), string(fault.StageBadConfig)},
		Config:    json.RawMessage(`{` + head + properties + `}}`),
	}
}

func effectSpec() stage.Spec {
	s := spec()
	s.Name = "simulate-effect"
	s.Summary = "Pretends to have an effect that must be taken back."
	s.Guarantee = "Repeated, it hands on the same files. Its undo has nothing to take back."
	s.Config = json.RawMessage(`{` + head + properties + `,` + undoProperty + `}}`)
	return s
}

const head = `
"$schema": "https://json-schema.org/draft/2020-12/schema",
"type": "object", "additionalProperties": false,
"properties": {`

const properties = `
"delay": {` + stage.DurationSchema + `, "description": "How long to wait first, such as 2s."},
"ignore_cancel": {"type": "boolean", "description": "Go on waiting when told to stop, as a badly written stage would."},
"hang": {"type": "boolean", "description": "Wait until told to stop."},
"panic": {"type": "boolean", "description": "Panic."},
"fail": {"description": "Fail after the delay.", ` + failSchema + `},
"emit": {"type": "array", "maxItems": 100, "description": "Files to make.", "items": {
  "type": "object", "additionalProperties": false, "required": ["name"], "properties": {
    "name": {"type": "string", "minLength": 1, "maxLength": 255, "description": "Name of the file."},
    "media_type": {"type": "string", "description": "Its media type."},
    "bytes": {` + stage.BytesSchema + `, "description": "Its size, such as 4MiB."},
    "seed": {"type": "integer", "minimum": 0, "description": "Seed of its content: the same seed gives the same bytes."}
  }}},
"verdict": {"type": "string", "maxLength": 1024, "description": "The finding to report, for a when to read."}`

const undoProperty = `
"undo": {"type": "object", "additionalProperties": false, "description": "What the undo does.", "properties": {
  "delay": {` + stage.DurationSchema + `, "description": "How long to wait first."},
  "fail": {"description": "Fail after the delay.", ` + failSchema + `}
}}`

const failSchema = `"type": "object", "additionalProperties": false,
  "anyOf": [{"required": ["class"]}, {"required": ["code"]}], "properties": {
  "class": {"type": "string", "description": "Class of the failure.", "enum": ["unclassified", "transient",
    "rate_limited", "dependency_down", "timeout", "resource", "data_quality", "schema_mismatch", "policy",
    "auth", "poison", "conflict", "unknown_effect", "cancelled", "bug"]},
  "code": {"type": "string", "description": "Code of the failure; simulate.failed when there is none."},
  "message": {"type": "string", "maxLength": 200, "description": "What the failure says."},
  "times": {"type": "integer", "minimum": 0, "description": "How many attempts fail; 0 means all of them."},
  "retry_after": {` + stage.DurationSchema + `, "description": "The shortest wait before the next attempt."}
}`
