package flow

import "github.com/millrace/millrace/events"

// Rerunnable refuses, with job.not_allowed, the rerun of a job that has not ended.
func Rerunnable(j events.Job) error {
	if Final(j.State) {
		return nil
	}
	return notAllowed(j, &events.Command{Verb: events.VerbRerun}, "only what has ended is run again")
}

// TakeOver returns what a rerun by plan next may take over from job j, which ran by
// plan p, by step: of each step that both have, and that is not to run again in any
// case, its result with all that it depended on, or why it cannot be taken over. It
// knows nothing of files that the store does not hold any more, nor of what other
// jobs have undone; whoever asks the world adds that to Lacks.
func TakeOver(p *Plan, j events.Job, next *Plan, r events.Rerun) map[string]events.Prior {
	priors := make(map[string]events.Prior, len(p.Steps))
	for i := range p.Steps {
		s := &p.Steps[i]
		to := next.find(s.ID)
		if to == nil || r.NoReuse || next.reaches(r.FromStep, s.ID) {
			continue
		}
		prior := priorOf(&j, s)
		if prior.Lacks == "" && to.Stage != s.Stage {
			prior = events.Prior{Job: prior.Job, Stage: s.Stage}
		}
		priors[s.ID] = prior
	}
	return priors
}

// priorOf is what a step of a job gave. A result that was itself taken over is that
// of the job that did the work.
func priorOf(j *events.Job, s *Step) events.Prior {
	st := j.Steps[s.ID]
	prior := events.Prior{Job: j.ID}
	switch {
	case st.State != events.StepSucceeded:
		prior.Lacks = events.ReuseNotDone
		return prior
	case st.Undo != nil:
		prior.Lacks = events.ReuseUndone
		return prior
	case reused(st):
		prior.Job = st.Reuse.Job
	}
	files := inputs(j, s)
	prior.Stage, prior.Logic, prior.Files, prior.Findings = s.Stage, st.Logic, st.Files, st.Findings
	prior.Inputs = inputsDigest(j, s, files)
	if s.With == nil {
		prior.Config = configDigest(nil)
		return prior
	}
	// What cannot be resolved any more leaves no digest, and so is no other's.
	if config, err := s.With.Resolve(Facts{Job: j, Step: s.ID, Files: files}); err == nil {
		prior.Config = configDigest(config)
	}
	return prior
}

// Decision is what a rerun will do about a step.
type Decision string

// Decisions about a step of a rerun.
const (
	// DecisionReuse takes an earlier result over.
	DecisionReuse Decision = "reuse"
	// DecisionRun runs the step again.
	DecisionRun Decision = "run"
	// DecisionOpen is made when what the step needs is there.
	DecisionOpen Decision = "open"
	// DecisionSkip leaves the step out.
	DecisionSkip Decision = "skip"
	// DecisionFail means that the step cannot begin.
	DecisionFail Decision = "fail"
)

// RerunStep says what a rerun will do about a step.
type RerunStep struct {
	Step     string   `json:"step"`
	Stage    string   `json:"stage"`
	Decision Decision `json:"decision"`
	// Reason is why it is reused or runs again; empty for other decisions.
	Reason events.ReuseReason `json:"reason,omitempty"`
	// Why says it in a sentence without a full stop.
	Why string `json:"why"`
	// Job is the job whose result it is, when it is reused.
	Job string `json:"job,omitempty"`
}

// PlanRerun says, of each step in plan order, what would become of it in the rerun
// that a asks for. It lets [Apply] accept a, and fails like it: rerun.unknown_step for
// a step that the plan does not have.
func PlanRerun(p *Plan, a *events.Accepted) ([]RerunStep, error) {
	t, err := Apply(p, events.Job{}, events.Input{Submit: a}, Env{})
	if err != nil {
		return nil, err
	}
	if t.Job.Rerun == nil {
		return nil, bug("the submission of job " + a.Job + " is no rerun")
	}
	steps := make([]RerunStep, len(p.Steps))
	for i := range p.Steps {
		steps[i] = planned(p, &t.Job, &p.Steps[i])
	}
	return steps, nil
}

// planned says what becomes of a step of a rerun that has just been accepted.
func planned(p *Plan, j *events.Job, s *Step) RerunStep {
	st := j.Steps[s.ID]
	r := RerunStep{Step: s.ID, Stage: s.Stage, Decision: DecisionRun}
	if st.Reuse != nil {
		r.Reason, r.Job = st.Reuse.Reason, st.Reuse.Job
	}
	switch st.State {
	case events.StepSucceeded:
		r.Decision = DecisionReuse
	case events.StepSkipped:
		r.Decision, r.Why = DecisionSkip, skipped(s, st)
		return r
	case events.StepFailed:
		r.Decision, r.Why = DecisionFail, "it could not begin: "+faultText(st.Fault)
		return r
	case events.StepCancelled:
		r.Decision, r.Why = DecisionSkip, "the job ends before it: "+faultText(j.Fault)
		return r
	case events.StepPending:
		if r.Reason = foreseen(p, j.Rerun, s, st.Prior); r.Reason == "" {
			r.Decision, r.Why = DecisionOpen, "it is reused if what it needs gives the same as in job "+j.Rerun.Job
			return r
		}
	}
	r.Why = ReuseText(j.Rerun, s.ID, events.Reuse{Reason: r.Reason, Job: r.Job})
	return r
}
