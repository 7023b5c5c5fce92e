package flow

import (
	"slices"

	"github.com/millrace/millrace/events"
)

// inputs returns the files that a step works on: those of its needs in the order
// named, or those of the job's sources that are artifacts already when it has no
// needs.
func inputs(j *events.Job, s *Step) []events.File {
	if len(s.Needs) == 0 {
		return sourceFiles(j.Files)
	}
	if len(s.Needs) == 1 {
		return slices.Clip(j.Steps[s.Needs[0]].Files)
	}
	n := 0
	for _, need := range s.Needs {
		n += len(j.Steps[need].Files)
	}
	if n == 0 {
		return nil
	}
	files := make([]events.File, 0, n)
	for _, need := range s.Needs {
		files = append(files, j.Steps[need].Files...)
	}
	return files
}

// sourceFiles returns the sources that name an artifact, as files.
func sourceFiles(sources []events.Source) []events.File {
	var files []events.File
	for _, s := range sources {
		if s.Digest == "" {
			continue
		}
		files = append(files, events.File{
			Name:      s.Name,
			Digest:    s.Digest,
			Size:      s.Size,
			MediaType: s.MediaType,
		})
	}
	return files
}

// hasResult reports whether a settled step hands files on, be they none.
func hasResult(st events.Step) bool {
	return st.State == events.StepSucceeded ||
		st.State == events.StepSkipped && st.Reason != ReasonNeedsFailed
}
