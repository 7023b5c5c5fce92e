package jobscreen

import (
	"context"
	"flag"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
)

var update = flag.Bool("update", false, "write the golden screens anew")

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.Local)

// server answers what a test says, and notes what is asked of it.
type server struct {
	job      api.Job
	reasons  []api.Reason
	decision api.Decision
	asked    []string
}

func (s *server) Watch(context.Context, string, uint64) iter.Seq2[client.Event, error] {
	return func(func(client.Event, error) bool) {}
}

func (s *server) Job(context.Context, string) (*api.Job, error) { return &s.job, nil }

func (s *server) Explain(context.Context, string) (*api.Explanation, error) {
	return &api.Explanation{Reasons: s.reasons}, nil
}

func (s *server) Pipeline(context.Context, string, string) (*api.Pipeline, error) {
	return nil, fault.New(fault.PipelineNotFound, "", nil)
}

func (s *server) Decision(context.Context, string) (*api.Decision, error) { return &s.decision, nil }

func (s *server) Decide(_ context.Context, id, version string, a api.DecisionAnswer) (*api.Decision, error) {
	s.asked = append(s.asked, strings.Join([]string{"decide", id, version, string(a.Choice), a.Reason}, " "))
	return &s.decision, nil
}

func (s *server) Order(_ context.Context, id string, verb events.Verb, o api.Order) (*api.Job, error) {
	s.asked = append(s.asked, strings.Join([]string{string(verb), id, o.Step, o.Reason}, " "))
	if verb == events.VerbPause {
		return nil, fault.New(fault.JobNotAllowed, "not now", nil)
	}
	return &s.job, nil
}

// world is a job with a step of each kind, two seconds after noon.
func world() (*server, *api.Pipeline) {
	broken := &events.Fault{Code: "simulate.failed", Class: "auth", Message: "no\nluck", Hint: "Renew the key."}
	s := &server{
		job: api.Job{
			Revision: 4,
			Job: events.Job{
				ID: "abc", Pipeline: events.PipelineRef{Name: "intake"}, State: events.JobRunning, AcceptedAt: noon,
				Key: "order-7", Labels: map[string]string{"order": "7"},
				Files: []events.Source{{Name: "a\x1b[2Jb.csv"}, {Name: "c.csv"}},
				Steps: map[string]events.Step{
					"fetch": {State: events.StepSucceeded, Attempt: 1, Stage: "fetch@1", Files: []events.File{{Name: "日本.csv", Size: 48 << 20}}},
					"pack": {
						State: events.StepQueued, Attempt: 2, Spent: 1, Stage: "compress@1",
						Resumed: &events.Resumed{Claim: 7, Checkpoint: 3, Done: 12 << 20, Total: 48 << 20, Percent: 25, Decision: events.DecisionResumed},
					},
					"call":  {State: events.StepRetrying, Attempt: 1, Spent: 1, Stage: "http-call@1", RetryAt: noon.Add(5 * time.Second), Fault: broken},
					"check": {State: events.StepAttention, Attempt: 1, Stage: "command@1", Fault: broken, Decision: &events.DecisionRecord{ID: "abc.check", Choices: []events.DecisionChoice{"retry", "abandon"}, DueAt: noon.Add(2 * time.Hour), Default: "abandon"}},
					"send":  {State: events.StepPending, Stage: "publish@1"},
				},
			},
			Allowed: []events.Choice{
				{Verb: events.VerbCancel},
				{Verb: events.VerbPause},
				{Verb: events.VerbRetry, Steps: []string{"call", "check"}},
				{Verb: events.VerbSkip, Steps: []string{"call", "check"}, Needs: []string{"step"}},
			},
		},
		reasons: []api.Reason{
			{State: "running", Why: "step pack is with a stage, or on the way there", Next: "the answer of a stage"},
			{Step: "check", State: "attention", Why: "attempt 1 failed, and class auth is for a person", Next: "retry or abandon, by a person", Fault: broken},
			{Step: "send", State: "pending", Why: "it waits", WaitsFor: []string{"pack", "check"}},
		},
		decision: api.Decision{
			ID: "abc.check", Version: "9", Step: "check",
			Choices: []api.DecisionOption{{Choice: "retry", Means: "try again"}, {Choice: "abandon", Means: "give it up"}},
		},
	}
	pipe := &api.Pipeline{Steps: []api.PipelineStep{
		{ID: "fetch", MaxAttempts: 5},
		{ID: "pack", Needs: []string{"fetch"}, MaxAttempts: 5},
		{ID: "call", Needs: []string{"fetch"}, MaxAttempts: 3},
		{ID: "check", Needs: []string{"fetch"}, MaxAttempts: 5},
		{ID: "send", Needs: []string{"pack", "check"}, MaxAttempts: 5},
	}}
	return s, pipe
}

// shown is a screen that has heard all of a world.
func shown(t *testing.T, s *server, pipe *api.Pipeline) *Model {
	t.Helper()
	m := New(t.Context(), Config{
		Server: s, ID: "abc", Pipeline: pipe, Send: func(tea.Msg) {},
		Now: func() time.Time { return noon.Add(2 * time.Second) },
	})
	m.Update(heard{of: m, event: client.Event{ID: 1, Record: &events.Record{Revision: 4, Time: noon, Job: s.job.Job}}})
	for i, done := range []int64{12 << 20, 24 << 20} {
		m.Update(heard{of: m, event: client.Event{Progress: &events.Progress{
			Step: "pack", Attempt: 2, Done: done, Total: 48 << 20, Time: noon.Add(time.Duration(i) * time.Second),
		}}})
	}
	run(m, m.refresh())
	return m
}

// run does what a model asks for, as the loop would.
func run(m *Model, cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	_, next := m.Update(cmd())
	run(m, next)
}

// press presses keys, one for each word.
func press(m *Model, keys ...string) {
	for _, key := range keys {
		msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(key)}
		switch key {
		case "esc":
			msg = tea.KeyMsg{Type: tea.KeyEsc}
		case "enter":
			msg = tea.KeyMsg{Type: tea.KeyEnter}
		case "down":
			msg = tea.KeyMsg{Type: tea.KeyDown}
		}
		_, cmd := m.Update(msg)
		run(m, cmd)
	}
}

// golden compares a screen with the one in testdata.
func golden(t *testing.T, name string, m *Model) {
	t.Helper()
	path, got := filepath.Join("testdata", name+".txt"), m.View()+"\n"
	for line := range strings.SplitSeq(got, "\n") {
		if strings.HasSuffix(line, "\r") || strings.Contains(line, "\x1b[2J") {
			t.Errorf("%q reached the terminal", line)
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestScreens(t *testing.T) {
	t.Parallel()
	for name, size := range map[string][2]int{"wide": {120, 32}, "usual": {80, 24}, "narrow": {44, 18}, "low": {80, 8}, "tiny": {10, 2}} {
		s, pipe := world()
		m := shown(t, s, pipe)
		m.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		golden(t, name, m)
	}
}

func TestScreenBeforeTheFirstRecord(t *testing.T) {
	t.Parallel()
	s, pipe := world()
	m := New(t.Context(), Config{Server: s, ID: "abc", Pipeline: pipe, Now: func() time.Time { return noon }})
	m.Update(tea.WindowSizeMsg{Width: 60, Height: 6})
	golden(t, "first", m)
}

func TestScreenSaysThatTheServerIsAway(t *testing.T) {
	t.Parallel()
	s, pipe := world()
	m := shown(t, s, pipe)
	m.Update(heard{of: m, err: fault.New(fault.ClientUnreachable, "", nil)})
	if head, _, _ := strings.Cut(m.View(), "\n"); !strings.Contains(head, "no answer for 0s, trying again") {
		t.Errorf("away: %q", head)
	}
	m.Update(heard{of: m, event: client.Event{Progress: &events.Progress{Step: "pack", Attempt: 2}}})
	if head, _, _ := strings.Cut(m.View(), "\n"); !strings.Contains(head, "● live") || !m.stale {
		t.Errorf("back: %q, and it asks again: %v", head, m.stale)
	}
	m.Update(heard{of: m, err: fault.New(fault.JobNotFound, "abc", nil)})
	if view := m.View(); !strings.Contains(view, "refused") || !strings.Contains(view, "job.not_found") {
		t.Errorf("refused: %q", view)
	}
}

// TestKeysAskAndConfirm presses keys that ask something of the job.
func TestKeysAskAndConfirm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys  []string
		asked []string
		says  string
	}{
		"cancel":             {[]string{"c", "wrong", " ", "file", "enter"}, []string{"cancel abc  wrong file"}, "cancel: the job is running"},
		"back out":           {[]string{"c", "x", "esc"}, nil, "nothing was done"},
		"not allowed now":    {[]string{"x"}, nil, ""},
		"refused":            {[]string{"p", "enter"}, []string{"pause abc  "}, "job.not_allowed"},
		"retry all":          {[]string{"r", "enter"}, []string{"retry abc  "}, "retry: the job is running"},
		"retry a step":       {[]string{"down", "down", "down", "r", "enter"}, []string{"retry abc call "}, "retry: the job is running"},
		"skip which":         {[]string{"s"}, nil, "to skip, select one of call, check"},
		"skip":               {[]string{"j", "j", "j", "j", "s", "enter"}, []string{"skip abc check "}, "skip: the job is running"},
		"decide":             {[]string{"d", "2", "why", "enter"}, []string{"decide abc.check 9 abandon why"}, "decided abandon about check"},
		"decide by no means": {[]string{"d", "7", "esc"}, nil, "nothing was decided"},
	} {
		s, pipe := world()
		m := shown(t, s, pipe)
		press(m, c.keys...)
		if diff := cmp.Diff(c.asked, s.asked); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if !strings.Contains(m.View(), c.says) {
			t.Errorf("%s: no %q in\n%s", name, c.says, m.View())
		}
	}
}

func TestDialogs(t *testing.T) {
	t.Parallel()
	s, pipe := world()
	m := shown(t, s, pipe)
	press(m, "end", "k", "d")
	golden(t, "choosing", m)
	press(m, "1")
	golden(t, "reason", m)
}

// TestScreenEnds leaves when the job is final, unless it is to stay.
func TestScreenEnds(t *testing.T) {
	t.Parallel()
	s, pipe := world()
	end := client.Event{End: &api.End{State: events.JobCompleted}}
	m := shown(t, s, pipe)
	if _, cmd := m.Update(heard{of: m, event: end}); cmd == nil {
		t.Error("it stays")
	}
	m.cfg.Stay = true
	if _, cmd := m.Update(heard{of: m, event: end}); cmd != nil {
		t.Error("it leaves")
	}
	_, cmd := m.Update(tea.KeyMsg{Type: tea.KeyCtrlC})
	if cmd == nil || cmd() != (Ended{Interrupted: true}) {
		t.Error("Ctrl-C does not interrupt")
	}
}
