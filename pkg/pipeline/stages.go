package pipeline

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// Stage is what a pipeline file must know of a stage.
type Stage struct {
	// Name and Version are what `uses` names: "compress@1".
	Name    string `json:"name"`
	Version int    `json:"version"`
	// Summary is one sentence, for people.
	Summary string `json:"summary"`
	// Config is the JSON Schema of `with`. Empty means that the stage takes no
	// configuration.
	Config json.RawMessage `json:"config,omitempty"`
	// Compensable is true when the stage has an undo.
	Compensable bool `json:"compensable,omitempty"`
	// UndoKey names the setting in `with` without which a step of a compensable
	// stage has no undo. Empty means that every step has one.
	UndoKey string `json:"undo_key,omitempty"`
	// Fetches is true when the stage reads the job's sources.
	Fetches bool `json:"fetches,omitempty"`
}

// Ref returns the stage as `uses` names it.
func (s Stage) Ref() string { return s.Name + "@" + strconv.Itoa(s.Version) }

var usesForm = regexp.MustCompile(`^([a-z0-9_-]{1,64})@([1-9][0-9]{0,5})$`)

// stepStage reads `uses` and finds the stage.
func (c *checker) stepStage(s *step) {
	n := s.section.required("uses")
	if n == nil {
		return
	}
	text, ok := s.section.text(n, "uses", 1000)
	if !ok {
		return
	}
	s.uses = text
	m := usesForm.FindStringSubmatch(text)
	if m == nil {
		c.complain(ruleUses, n.at, c.usesHint(text),
			"uses is a stage and its version, such as compress@1, not %s", quote(text))
		return
	}
	versions := c.versions(m[1])
	if len(versions) == 0 {
		c.complain(ruleUnknownStage, n.at, c.stageHint(m[1], m[2]), "there is no stage %s", quote(m[1]))
		return
	}
	for i := range c.stages {
		if c.stages[i].Ref() == text {
			s.stage = &c.stages[i]
			return
		}
	}
	c.complain(ruleUnknownMajor, n.at, fmt.Sprintf("write %s@%d", m[1], versions[len(versions)-1]),
		"stage %s has no version %s", m[1], m[2])
}

// versions returns the versions of a stage in ascending order.
func (c *checker) versions(name string) []int {
	var out []int
	for _, s := range c.stages {
		if s.Name == name {
			out = append(out, s.Version)
		}
	}
	slices.Sort(out)
	return out
}

// usesHint completes a stage without a version.
func (c *checker) usesHint(text string) string {
	name := regexp.MustCompile(`^[A-Za-z0-9_-]*`).FindString(text)
	if near := nearest(name, c.stageNames()); near != "" {
		versions := c.versions(near)
		return fmt.Sprintf("write %s@%d", near, versions[len(versions)-1])
	}
	return ""
}

func (c *checker) stageHint(name, version string) string {
	names := c.stageNames()
	if near := nearest(name, names); near != "" {
		versions := c.versions(near)
		if v, err := strconv.Atoi(version); err != nil || !slices.Contains(versions, v) {
			version = strconv.Itoa(versions[len(versions)-1])
		}
		return "did you mean " + near + "@" + version + "?"
	}
	if len(names) == 0 {
		return ""
	}
	return "there is " + oneOf(names)
}

func (c *checker) stageNames() []string {
	var names []string
	for _, s := range c.stages {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
