package flow

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// takeOver decides, of a step of a rerun that may run now, whether it must. It does
// not when an earlier result holds: that is then the step's, and what it did outside
// stays with the job that did it. It is no effect of this job, which therefore never
// undoes it.
func (c *change) takeOver(s *Step, st events.Step, files []events.File, config json.RawMessage) bool {
	if c.job.Rerun == nil {
		return false
	}
	prior := st.Prior
	reason := foreseen(c.plan, c.job.Rerun, s, prior)
	if reason == "" {
		reason = compared(prior, configDigest(config), inputsDigest(&c.job, s, files))
	}
	if reason != events.ReuseUnchanged {
		st.Prior, st.Reuse = nil, &events.Reuse{Reason: reason}
		c.job.Steps[s.ID] = st
		return false
	}
	c.moveStep(&st, StepReused)
	st.Reuse = &events.Reuse{Reused: true, Reason: reason, Job: prior.Job}
	st.Logic, st.Files, st.Findings = prior.Logic, prior.Files, prior.Findings
	c.job.Steps[s.ID] = st
	return true
}

// withoutUndone is a job that can take nothing over of those steps.
func withoutUndone(j events.Job, undone []string) events.Job {
	if len(undone) > 0 {
		j.Steps = maps.Clone(j.Steps)
	}
	for _, id := range undone {
		if st := j.Steps[id]; st.Prior != nil {
			st.Prior = &events.Prior{Job: st.Prior.Job, Lacks: events.ReuseUndone}
			j.Steps[id] = st
		}
	}
	return j
}

// TakenOver are the steps with an undo that have taken the result of another job over
// between two states of a job, in plan order.
func TakenOver(p *Plan, before, after events.Job) (steps []string) {
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Compensable && reused(after.Steps[s.ID]) && !reused(before.Steps[s.ID]) {
			steps = append(steps, s.ID)
		}
	}
	return steps
}

// Stands reports whether a job has neither taken back what a step did, nor is about to.
func Stands(j events.Job, step string) bool { return j.Goal == "" && j.Steps[step].Undo == nil }

// foreseen returns the reason for which a step of a rerun runs again whatever its
// configuration and its inputs turn out to be, or "" when they decide.
func foreseen(p *Plan, r *events.Rerun, s *Step, prior *events.Prior) events.ReuseReason {
	switch {
	case r.NoReuse:
		return events.ReuseNotWanted
	case p.reaches(r.FromStep, s.ID):
		return events.ReuseFromStep
	case prior == nil:
		return events.ReuseNewStep
	case prior.Lacks != "":
		return prior.Lacks
	case prior.Stage != s.Stage:
		return events.ReuseStageChanged
	}
	return ""
}

// compared returns what has changed since a result was made.
func compared(prior *events.Prior, config, inputs string) events.ReuseReason {
	switch {
	case prior.Config != config:
		return events.ReuseConfigChanged
	case prior.Inputs != inputs:
		return events.ReuseInputsChanged
	}
	return events.ReuseUnchanged
}

// reused reports whether a step has the result of another job.
func reused(st events.Step) bool { return st.Reuse != nil && st.Reuse.Reused }

// reaches reports whether the step id is from, or depends on it.
func (p *Plan) reaches(from, id string) bool {
	reached := map[string]bool{from: from != ""}
	for i := range p.Steps {
		for _, need := range p.Steps[i].Needs {
			if reached[need] {
				reached[p.Steps[i].ID] = true
			}
		}
	}
	return reached[id]
}

// checkRerun refuses a rerun from a step that the plan does not have.
func checkRerun(p *Plan, r *events.Rerun) error {
	if r == nil || r.FromStep == "" || p.find(r.FromStep) != nil {
		return nil
	}
	ids := make([]string, len(p.Steps))
	for i := range p.Steps {
		ids[i] = p.Steps[i].ID
	}
	return fault.New(fault.RerunUnknownStep, "step "+r.FromStep+" is none of "+strings.Join(ids, ", ")+
		" of pipeline "+p.Name+" "+p.Digest, nil)
}

// configDigest is the digest of a configuration, however its keys are ordered. None
// and an empty one are the same.
func configDigest(config json.RawMessage) string {
	if len(config) == 0 {
		config = json.RawMessage("{}")
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(config))
	d.UseNumber()
	if err := d.Decode(&v); err != nil || d.More() {
		return digestOf(config)
	}
	return digestOf(encoded(v))
}

// inputsDigest is the digest of what a step works on, with names and media types.
func inputsDigest(j *events.Job, s *Step, files []events.File) string {
	in := struct {
		Files   []events.File   `json:"files"`
		Sources []events.Source `json:"sources"`
	}{Files: listed(files)}
	if len(s.Needs) == 0 && s.Fetches {
		in.Sources = j.Files
	}
	return digestOf(encoded(in))
}

// encoded is a value of plain data as JSON, which cannot fail.
func encoded(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return []byte(err.Error())
	}
	return data
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
