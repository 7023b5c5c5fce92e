package top

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/millrace/jobscreen"
)

var update = flag.Bool("update", false, "write the golden screens anew")

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// server answers what a mill of some size answers. Its embedded part is what a job's
// screen asks, which no test here does.
type server struct {
	jobscreen.Server
	jobs    []api.JobQuery
	refuses error // to say what is the whole mill's
	away    error
	// accepted and delivered grow with every look.
	accepted, delivered uint64
}

func (s *server) Counts(context.Context, string) (*api.Counts, error) {
	return &api.Counts{Jobs: 12, States: map[string]int64{"completed": 9, "running": 2, "attention": 1}}, s.away
}

func (s *server) Throughput(context.Context, api.StatsQuery) (*api.Throughput, error) {
	s.accepted += 10
	return &api.Throughput{Spans: []api.Flow{{At: noon, Accepted: int64(s.accepted), Finished: map[string]int64{"completed": 9}, Failures: 1, MeanMS: 1500}}}, s.away
}

func (s *server) Failures(context.Context, api.StatsQuery) (*api.Failures, error) {
	return &api.Failures{Failures: []api.Failure{
		{Code: "s3.unreachable", Class: "dependency_down", Count: 4, LastAt: noon.Add(-time.Minute), Jobs: 1, Hint: "Look at the store."},
		{Code: "old.fault", Jobs: 1},
	}}, s.away
}

func (s *server) Consumers(context.Context) ([]api.Consumer, error) {
	s.delivered += 20
	return []api.Consumer{
		{Name: "conductor-intake", Served: true},
		{Name: "conductor-timers", Pending: 3, Oldest: noon.Add(-time.Second), OldestSeconds: 1},
		{Name: "stage-hash", Stage: "hash", Delivered: s.delivered, InFlight: 2, Pending: 7, Redelivered: 1, Oldest: noon.Add(-time.Minute), OldestSeconds: 60, Served: true},
		{Name: "stage-scan", Stage: "scan"},
		{Name: "undo-hash", Stage: "hash", Undo: true, Served: true},
	}, firstOf(s.away, s.refuses)
}

func (s *server) Breakers(context.Context) ([]events.Breaker, error) {
	return []events.Breaker{
		{Dependency: "s3:a", Worker: "one", State: events.BreakerOpen, Reason: "s3.unreachable", Stages: []string{"publish-s3"}},
		{Dependency: "s3:b", Worker: "one", State: events.BreakerClosed},
	}, firstOf(s.away, s.refuses)
}

func (s *server) Decisions(context.Context, api.DecisionQuery) (*api.DecisionPage, error) {
	return &api.DecisionPage{Decisions: []api.Decision{{ID: "a", DueAt: noon.Add(-time.Hour)}, {ID: "b", DueAt: noon.Add(time.Hour)}}}, s.away
}

func (s *server) DeadLetters(context.Context, api.DeadLetterQuery) (*api.DeadLetterPage, error) {
	return &api.DeadLetterPage{DeadLetters: make([]api.DeadLetter, 1)}, s.away
}

func (s *server) List(_ context.Context, q api.JobQuery) (*api.JobPage, error) {
	s.jobs = append(s.jobs, q)
	job := func(id string, state events.JobState, ago time.Duration) api.JobItem {
		return api.JobItem{
			ID: id, State: state, Pipeline: events.PipelineRef{Name: "intake"}, AcceptedAt: noon.Add(-ago),
			Steps: 5, StepsDone: 2, Name: "na\x1bme.csv",
		}
	}
	return &api.JobPage{Jobs: []api.JobItem{
		job("one", events.JobRunning, time.Minute), job("two", events.JobAttention, time.Hour), job("three", events.JobCompleted, 24*time.Hour),
	}}, s.away
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// seen is a screen that has looked twice, ten seconds apart.
func seen(t *testing.T, s *server) *Model {
	t.Helper()
	now := noon.Add(-10 * time.Second)
	m := New(t.Context(), Config{Server: s, Now: func() time.Time { return now }})
	run(m, m.look())
	now = noon
	run(m, m.look())
	return m
}

func run(m *Model, cmd tea.Cmd) {
	if cmd != nil {
		m.Update(cmd())
	}
}

func press(m *Model, keys ...string) {
	for _, key := range keys {
		msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(key)}
		if key == "enter" {
			msg = tea.KeyMsg{Type: tea.KeyEnter}
		}
		_, cmd := m.Update(msg)
		run(m, cmd)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
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
		t.Errorf("%s: %s", name, diff)
	}
}

func TestScreens(t *testing.T) {
	t.Parallel()
	for name, size := range map[string][2]int{"wide": {120, 36}, "usual": {80, 24}, "narrow": {40, 14}, "tiny": {12, 3}} {
		m := seen(t, &server{})
		m.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		press(m, "j")
		golden(t, name, m.View()+"\n")
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	s, err := Take(t.Context(), &server{}, Query{}, noon)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := Write(&b, s); err != nil {
		t.Fatal(err)
	}
	golden(t, "plain", b.String())
}

// TestTakeBearsRefusals looks with a key that may not see the whole mill, and at a
// server that is away.
func TestTakeBearsRefusals(t *testing.T) {
	t.Parallel()
	s, err := Take(t.Context(), &server{refuses: fault.New(fault.HTTPNotFound, "", nil)}, Query{}, noon)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"consumers": "http.not_found", "breakers": "http.not_found"}
	if diff := cmp.Diff(want, s.Missing); diff != "" {
		t.Error(diff)
	}
	if text := (writer{s: s}).missing(); text != "not shown: breakers (http.not_found), consumers (http.not_found)" {
		t.Error(text)
	}
	_, err = Take(t.Context(), &server{away: fault.New(fault.ClientUnreachable, "", nil)}, Query{}, noon)
	if !fault.Has(err, fault.ClientUnreachable) {
		t.Errorf("away: %v", err)
	}
}

func TestScreenSaysThatTheServerIsAway(t *testing.T) {
	t.Parallel()
	s := &server{}
	m := seen(t, s)
	s.away = fault.New(fault.ClientUnreachable, "", nil)
	m.asked = time.Time{}
	run(m, m.look())
	if view := m.View(); !strings.Contains(view, "no answer for 0s, trying again") || !strings.Contains(view, "completed 9") {
		t.Errorf("away:\n%s", view)
	}
	s.away, m.asked = nil, time.Time{}
	run(m, m.look())
	if view := m.View(); !strings.Contains(view, "● live") {
		t.Errorf("back:\n%s", view)
	}
}

// TestKeysChangeTheQuestion changes the order, the filter and what is left out.
func TestKeysChangeTheQuestion(t *testing.T) {
	t.Parallel()
	m := seen(t, &server{})
	press(m, "o", "a", "/", "in", "take", "enter")
	if diff := cmp.Diff(Query{Pipeline: "intake", Sort: api.SortUpdated, Open: true}, m.query); diff != "" {
		t.Error(diff)
	}
	press(m, "/", "no way", "enter")
	if m.query.Pipeline != "intake" || !strings.Contains(m.View(), "a pipeline's name is") {
		t.Errorf("%+v\n%s", m.query, m.View())
	}
	press(m, "s", "j", "j", "j", "k")
	if m.selected != "two" || !m.byName {
		t.Errorf("%s is selected", m.selected)
	}
}
