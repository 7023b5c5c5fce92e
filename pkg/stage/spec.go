package stage

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Ref is how a pipeline names the stage: "compress@1".
func (s Spec) Ref() string { return s.Name + "@" + strconv.Itoa(s.Version) }

// Check reports what is missing in the description. The fault is
// stage.bad_spec.
func (s Spec) Check() error {
	complain := func(why string) error { return fault.New(fault.StageBadSpec, s.Ref()+": "+why, nil) }
	if !events.ValidToken(s.Name) {
		return complain("the name is not 1 to 64 of a-z, 0-9, _ and -")
	}
	if s.Version < 1 {
		return complain("the version is below 1")
	}
	texts := map[string]string{
		"logic": s.Logic, "summary": s.Summary, "guarantee": s.Guarantee,
		"inputs": s.Inputs, "outputs": s.Outputs,
	}
	for key, text := range s.Findings {
		texts["finding "+key] = text
	}
	for what, text := range texts {
		if strings.TrimSpace(text) == "" {
			return complain("it says nothing of its " + what)
		}
	}
	for _, code := range s.Faults {
		if _, ok := known(fault.Code(code)); !ok {
			return complain("there is no fault " + code)
		}
	}
	var schema map[string]json.RawMessage
	if len(s.Config) > 0 && json.Unmarshal(s.Config, &schema) != nil {
		return complain("the schema of its configuration is not an object")
	}
	for i, name := range s.Needs {
		if strings.TrimSpace(name) == "" || slices.Contains(s.Needs[:i], name) {
			return complain("a dependency that it needs has no name, or is listed twice")
		}
	}
	if s.Scratch && s.WritesLittle {
		return complain("it asks for scratch and says that it writes little")
	}
	if s.Timeout < 0 || s.Slots < 0 {
		return complain("a limit is negative")
	}
	return nil
}

// known looks c up in the registry of faults.
func known(c fault.Code) (fault.Info, bool) {
	i := c.Info()
	return i, i.Hint != ""
}

// Declares reports whether the spec lists the finding key. A listed key that
// ends in ".<n>" stands for one key per file, with its place from 0.
func (s Spec) Declares(key string) bool {
	if _, ok := s.Findings[key]; ok {
		return true
	}
	dot := strings.LastIndexByte(key, '.')
	if dot < 0 {
		return false
	}
	if n, err := strconv.Atoi(key[dot+1:]); err != nil || n < 0 {
		return false
	}
	_, ok := s.Findings[key[:dot]+".<n>"]
	return ok
}
