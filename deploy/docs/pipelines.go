package main

import "io/fs"

// writePipelines describes the fields of pipeline files.
func writePipelines(root fs.FS, t *text) error {
	const file = "pkg/pipeline/pipeline.v1.json"
	t.say("Every field of a pipeline file, from [its schema](../../../%s), which editors complete by. "+
		"What else `millrace pipeline check` complains about has a rule in [the list of rules](../../../pkg/pipeline/RULES.md); "+
		"what `with` takes is for [the stage](stages.md) to say.", file)
	doc, err := open(root, file)
	if err != nil {
		return err
	}
	s := shape{root: root, file: file, doc: doc}
	rows, err := s.members(doc, "")
	if err != nil {
		return err
	}
	t.table(append([]string{"field"}, memberHead[1:]...), rows)
	t.heading(2, "Durations")
	t.say("%s", plain(doc.at("$defs", "duration", "description").text()))
	return nil
}
