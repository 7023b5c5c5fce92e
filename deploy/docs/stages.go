package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/mill"
)

// writeStages describes every built-in stage.
func writeStages(_ fs.FS, t *text) error {
	t.say("Each stage that the program has, as it describes itself; `millrace stage show NAME` prints the same. " +
		"A step names a stage in `uses` and says the settings in `with`. Faults are explained in " +
		"[the list of faults](../../../schemas/FAULTS.md).")
	specs := mill.Stages()
	var rows [][]string
	for _, s := range specs {
		rows = append(rows, []string{fmt.Sprintf("[%s](#%s)", s.Ref(), anchor(s.Ref())), plain(s.Summary)})
	}
	t.table([]string{"stage", "what it does"}, rows)
	undos := map[string]pipeline.Stage{}
	for _, s := range mill.Catalog() {
		undos[s.Name] = s
	}
	for _, s := range specs {
		if err := writeStage(t, s, undo(undos[s.Name])); err != nil {
			return fmt.Errorf("stage %s: %w", s.Ref(), err)
		}
	}
	return nil
}

// undo says whether a step of the stage can be taken back.
func undo(s pipeline.Stage) string {
	switch {
	case !s.Compensable:
		return "None; there is nothing to take back."
	case s.UndoKey != "":
		return "That of steps which set " + quote(s.UndoKey) + "; others cannot be taken back."
	default:
		return "Takes back what a step has done, when the job is rolled back."
	}
}

func writeStage(t *text, s stage.Spec, undo string) error {
	t.heading(2, s.Ref())
	t.say("%s", plain(s.Summary))
	disk := "It rests until there is room."
	if s.WritesLittle {
		disk = "It goes on, as it writes little."
	}
	t.table([]string{"", ""}, [][]string{
		{"takes", plain(s.Inputs)},
		{"gives", plain(s.Outputs)},
		{"repeated, or cut off by a crash", plain(s.Guarantee)},
		{"undo", undo},
		{"one attempt has", short(cmp.Or(s.Timeout, 5*time.Minute)) + ", unless the step sets `timeout`"},
		{"while a disk is low", disk},
	})
	if len(s.Config) == 0 {
		t.say("It has no settings.")
	} else if err := writeSettings(t, s.Config); err != nil {
		return err
	}
	var findings [][]string
	for _, key := range slices.Sorted(maps.Keys(s.Findings)) {
		findings = append(findings, []string{quote(key), plain(s.Findings[key])})
	}
	t.table([]string{"finding", "meaning"}, findings)
	t.say("Faults: %s.", faults(s.Faults))
	return nil
}

// faults lists codes by what they are about, which has a heading in the list of faults.
func faults(codes []string) string {
	var areas []string
	byArea := map[string][]string{}
	for _, code := range codes {
		area, _, _ := strings.Cut(code, ".")
		if byArea[area] == nil {
			areas = append(areas, area)
		}
		byArea[area] = append(byArea[area], code)
	}
	for i, area := range areas {
		areas[i] = fmt.Sprintf("[%s](../../../schemas/FAULTS.md#%s) %s", area, anchor(area), quotes(byArea[area]))
	}
	return strings.Join(areas, "; ")
}

// writeSettings writes the table of what with may say.
func writeSettings(t *text, config []byte) error {
	doc, err := read(config)
	if err != nil {
		return err
	}
	rows, err := shape{doc: doc}.members(doc, "")
	if err != nil {
		return err
	}
	t.table(append([]string{"setting"}, memberHead[1:]...), rows)
	return nil
}

// short writes a duration without zeros at its end.
func short(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}
