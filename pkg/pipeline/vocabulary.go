package pipeline

import (
	"github.com/millrace/millrace/events"
)

// Sizes that cost estimates assume. What is larger meets the limit of the
// evaluation itself.
const (
	mostFiles    = 1000
	mostLabels   = 64
	mostFindings = 64
	longName     = 255
	longFinding  = 1024
	longDigest   = 71
	longToken    = 64
)

// The words that every expression knows.
var (
	fileRecord = newRecord("<file>",
		fileField("name", longName, func(f events.File) any { return f.Name }),
		fileField("digest", longDigest, func(f events.File) any { return f.Digest }),
		property{name: "size", shape: intShape(), always: true, get: func(source any) (any, bool) {
			f, ok := source.(events.File)
			return f.Size, ok
		}},
		fileField("media_type", longName, func(f events.File) any { return f.MediaType }),
	)
	filesShape = listShape(fileRecord.shape(), mostFiles)

	jobRecord = newRecord("<job>",
		jobField("id", textShape(longToken), func(j *events.Job) any { return j.ID }),
		jobField("tenant", textShape(longToken), func(j *events.Job) any { return j.Tenant }),
		jobField("pipeline", textShape(longToken), func(j *events.Job) any { return j.Pipeline.Name }),
		jobField("labels", mapShape(textShape(longName), mostLabels),
			func(j *events.Job) any { return j.Labels }),
	)

	stepRecord = newRecord("<step>",
		stepField("state", textShape(longToken), func(s events.Step) any { return string(s.State) }),
		stepField("files", filesShape, func(s events.Step) any { return s.Files }),
		stepField("findings", mapShape(textShape(longFinding), mostFindings),
			func(s events.Step) any { return s.Findings }),
		stepField("attempt", intShape(), func(s events.Step) any { return int64(s.Attempt) }),
	)
)

func fileField(name string, longest uint64, get func(events.File) any) property {
	return property{
		name: name, shape: textShape(longest), always: true,
		get: func(source any) (any, bool) {
			f, ok := source.(events.File)
			return get(f), ok
		},
	}
}

func jobField(name string, s *shape, get func(*events.Job) any) property {
	return property{name: name, shape: s, always: true, get: func(source any) (any, bool) {
		j, ok := source.(*events.Job)
		if !ok || j == nil {
			return nil, false
		}
		return get(j), true
	}}
}

func stepField(name string, s *shape, get func(events.Step) any) property {
	return property{name: name, shape: s, always: true, get: func(source any) (any, bool) {
		step, ok := source.(events.Step)
		return get(step), ok
	}}
}

// stepsRecord declares one field for each step.
func stepsRecord(steps []*step) *record {
	fields := make([]property, 0, len(steps))
	for _, s := range steps {
		id := s.id
		fields = append(fields,
			property{name: id, shape: stepRecord.shape(), always: true, get: func(source any) (any, bool) {
				j, ok := source.(*events.Job)
				if !ok || j == nil {
					return nil, false
				}
				step, ok := j.Steps[id]
				return step, ok
			}})
	}
	return newRecord("<steps>", fields...)
}
