package gatewaytest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/registry"
	"github.com/millrace/millrace/pkg/rerun"
)

// Conductor stands in for the conductor: it accepts every submission, answers
// repeated ones, and otherwise moves jobs only as a test tells it to. Control
// commands are applied by package flow.
type Conductor struct {
	t         testing.TB
	conn      *bus.Conn
	pipelines *registry.Registry
	store     *artifact.Store

	mu    sync.Mutex
	jobs  map[string]*record // by id
	subs  []bus.Message
	mute  int
	rules int
	deaf  bool
	alter func(*events.Problem)
	ended bool
}

type record struct {
	events.Record
	fingerprint string
}

func newConductor(t testing.TB, conn *bus.Conn, p *registry.Registry, s *artifact.Store) *Conductor {
	t.Helper()
	c := &Conductor{t: t, conn: conn, pipelines: p, store: s, jobs: make(map[string]*record)}
	for subject, handle := range map[string]func(*bus.Message){
		events.AllSubmit: c.submitted, events.AllControl: c.commanded,
	} {
		stop, err := conn.Subscribe(subject, handle)
		if err != nil {
			t.Fatalf("subscribe: %v", err)
		}
		t.Cleanup(stop)
	}
	t.Cleanup(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended = true
	})
	return c
}

// Mute makes the conductor swallow the next n submissions without an answer.
func (c *Conductor) Mute(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mute = n
}

// Deaf makes the conductor ignore commands.
func (c *Conductor) Deaf() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf = true
}

// Rules makes the conductor accept jobs by that version of the machine's rules; they
// are by version 1 otherwise.
func (c *Conductor) Rules(version int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rules = version
}

// Refuse makes the conductor answer submissions with a problem. Nil ends that.
func (c *Conductor) Refuse(p *events.Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alter = nil
	if p != nil {
		c.alter = func(out *events.Problem) { *out = *p }
	}
}

// Submissions returns the messages that came to the intake.
func (c *Conductor) Submissions() []bus.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]bus.Message(nil), c.subs...)
}

func (c *Conductor) submitted(m *bus.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.subs = append(c.subs, *m)
	if c.mute > 0 {
		c.mute--
		return
	}
	var problem events.Problem
	if c.alter != nil {
		c.alter(&problem)
		c.reply(m, problem)
		return
	}
	var s events.Submission
	tokens, ok := events.Tokens(m.Subject, "submit", 2)
	if err := json.Unmarshal(m.Data, &s); err != nil || !ok {
		c.t.Errorf("the gateway submitted rubbish to %s: %v", m.Subject, err)
		return
	}
	c.reply(m, c.accept(tokens[0], tokens[1], m.Header[events.HeaderBy], s))
}

// accept makes a job, or finds the one that the key made.
func (c *Conductor) accept(tenant, name, by string, s events.Submission) any {
	sum := sha256.Sum256([]byte(tenant + "\x00" + s.Key))
	id := hex.EncodeToString(sum[:8])
	content, err := json.Marshal([]any{name, s.Files, s.Params, s.Rerun})
	if err != nil {
		c.t.Error(err)
	}
	if old := c.jobs[id]; old != nil {
		if old.fingerprint != string(content) {
			p := problem(422, "submit.key_reused", "conflict")
			p.Job = id
			return p
		}
		return events.Receipt{
			Job: id, State: old.Job.State, Duplicate: true, Outcome: flow.Outcome(old.Job),
		}
	}
	def, err := c.pipelines.Current(context.Background(), tenant, name)
	if err != nil {
		return problem(404, "pipeline.not_found", "schema_mismatch")
	}
	in := events.Input{Submit: &events.Accepted{
		Job: id, Tenant: tenant, Key: s.Key, Rules: c.rules, By: by,
		Pipeline:    events.PipelineRef{Name: name, Digest: def.Digest},
		Fingerprint: string(content), Files: s.Files, Params: s.Params, Labels: s.Labels,
	}}
	if s.Rerun != nil {
		if err := c.rerun(in.Submit, &def, s); err != nil {
			f := fault.From(err)
			return problem(f.Code.Info().Status, string(f.Code), string(f.Class()))
		}
	}
	t, err := flow.Apply(def.Plan, events.Job{}, in, flow.Env{Now: time.Now()})
	if err != nil {
		c.t.Errorf("accept job: %v", err)
		return nil
	}
	r := &record{fingerprint: string(content)}
	c.jobs[id] = r
	c.commit(r, in, t.Type, t.Kind, t.Job)
	return events.Receipt{Job: id, State: t.Job.State}
}

// rerun fills in what a rerun is made of.
func (c *Conductor) rerun(a *events.Accepted, def **pipeline.Definition, s events.Submission) error {
	r := rerun.Reader{Records: c.conn, Pipelines: c.pipelines, Artifacts: c.store}
	f, err := r.Read(context.Background(), a.Tenant, &s)
	if err != nil {
		return err
	}
	whole := f.Accepted()
	whole.Job, whole.Key, whole.Fingerprint, whole.Rules = a.Job, a.Key, a.Fingerprint, a.Rules
	*a, *def = *whole, f.Definition
	_, err = flow.PlanRerun(f.Definition.Plan, a)
	return err
}

func problem(status int, code, class string) events.Problem {
	return events.Problem{Type: "about:blank", Title: code, Status: status, Code: code, Class: class}
}

func (c *Conductor) reply(m *bus.Message, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		c.t.Error(err)
	}
	if err := c.conn.Send(m.Header[events.HeaderReplyTo], nil, data); err != nil {
		c.t.Logf("reply: %v", err)
	}
}

func (c *Conductor) commanded(m *bus.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tokens, ok := events.Tokens(m.Subject, "control", 2)
	var cmd events.Command
	if err := json.Unmarshal(m.Data, &cmd); err != nil || !ok || c.deaf || c.ended {
		return
	}
	r := c.jobs[tokens[1]]
	if r == nil {
		c.t.Errorf("command for unknown job %s", tokens[1])
		return
	}
	cmd.ID = events.CommandMark(m.ID)
	c.apply(r, events.Input{Control: &cmd})
}

// Outcome lets the step keep of a job end its attempt. A nil fault is a success.
func (c *Conductor) Outcome(job string, f *events.Fault) {
	c.t.Helper()
	c.Answer(job, "keep", false, f)
}

// Made lets the step keep of a job succeed with a file.
func (c *Conductor) Made(job string, f events.File) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.jobs[job]
	step := r.Job.Steps["keep"]
	f.Name = "made"
	c.apply(r, events.Input{Outcome: &events.AttemptOutcome{
		Job: job, Tenant: r.Job.Tenant, Step: "keep", Stage: step.Stage, Attempt: step.Attempt,
		Verdict: events.VerdictSucceeded, Files: []events.File{f},
	}})
}

// Answer lets a step of a job end its attempt, or that of its undo. A nil fault is
// a success; one of class unknown_effect is about the effect "order".
func (c *Conductor) Answer(job, id string, undo bool, f *events.Fault) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.jobs[job]
	step := r.Job.Steps[id]
	o := &events.AttemptOutcome{
		Job: job, Tenant: r.Job.Tenant, Step: id, Stage: step.Stage, Attempt: step.Attempt,
		Undo: undo, Verdict: events.VerdictSucceeded, Fault: f,
	}
	if undo && step.Undo != nil {
		o.Attempt = step.Undo.Attempt
	}
	if f != nil {
		o.Verdict = events.VerdictFailed
		if f.Class == string(fault.UnknownEffect) {
			o.Effect = "order"
		}
	}
	c.apply(r, events.Input{Outcome: o})
}

// Fire lets the timer of a step of a job fire, or that of its undo.
func (c *Conductor) Fire(job, step string) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.jobs[job]
	st := r.Job.Steps[step]
	timer := &events.TimerFired{Job: job, Tenant: r.Job.Tenant, Step: step, Attempt: st.Attempt}
	if st.Undo != nil {
		timer.Attempt, timer.Undo = st.Undo.Attempt, true
	}
	c.apply(r, events.Input{Timer: timer})
}

func (c *Conductor) apply(r *record, in events.Input) {
	c.t.Helper()
	def, err := c.pipelines.Version(context.Background(), r.Job.Tenant, r.Job.Pipeline.Digest)
	if err != nil {
		c.t.Error(err)
		return
	}
	t, err := flow.Apply(def.Plan, r.Job, in, flow.Env{Now: time.Now()})
	if err != nil || !t.Changed {
		c.t.Logf("input has no effect: %v", err)
		return
	}
	c.commit(r, in, t.Type, t.Kind, t.Job)
}

// Note writes a record that changes nothing but the revision, of a size in bytes.
func (c *Conductor) Note(job string, size int) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.jobs[job]
	j := r.Job
	j.Reason = strings.Repeat("x", size)
	c.commit(r, events.Input{}, "step.noted", events.KindStep, j)
}

// commit writes the next record of a job.
func (c *Conductor) commit(r *record, in events.Input, kind, subject string, j events.Job) {
	c.t.Helper()
	r.Revision++
	r.Type, r.Input, r.Job, r.Time = kind, in, j, time.Now().UTC()
	data, err := json.Marshal(r.Record)
	if err != nil {
		c.t.Error(err)
	}
	_, err = c.conn.Commit(context.Background(), bus.Out{
		Subject: events.EventSubject(j.Tenant, j.Pipeline.Name, j.ID, subject),
		ID:      events.RecordID(j.Tenant, j.ID, r.Revision),
		Header: map[string]string{
			events.HeaderCEType:   events.CEType(r.Type),
			events.HeaderState:    string(j.State),
			events.HeaderRevision: strconv.FormatUint(r.Revision, 10),
		},
		Data: data,
	})
	if err != nil {
		c.t.Errorf("commit: %v", err)
	}
}
