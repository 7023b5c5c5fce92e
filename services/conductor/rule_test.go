package conductor

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/rulebook"
)

// book opens the rules of the world's broker, and follows them until the test ends.
func (w *world) book() *rulebook.Book {
	w.t.Helper()
	kv, err := w.conn.KV(w.t.Context(), events.BucketRules)
	if err != nil {
		w.t.Fatal(err)
	}
	b := rulebook.New(kv, rulebook.Options{Stages: []string{"work"}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
	return b
}

// rule sets a rule and waits until these books have it.
func (w *world) rule(r events.Rule, books ...*rulebook.Book) events.Rule {
	w.t.Helper()
	r.Name, r.Reason, r.By = "crm-down", "the CRM is being restarted", "ann"
	set, _, _, err := books[0].Set(w.t.Context(), r, rulebook.When{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.awaitRules(set.Revision, books...)
	return set
}

// awaitRules waits until books know the rule with a revision, or none with 0.
func (w *world) awaitRules(revision uint64, books ...*rulebook.Book) {
	w.t.Helper()
	for _, b := range books {
		know := func() uint64 {
			if g := b.Rules().Rule(crmFault(), "work@1", "two", events.DefaultTenant, time.Now()); g != nil {
				return g.Revision
			}
			return 0
		}
		for try := 0; know() != revision; try++ {
			if try == 1000 {
				w.t.Fatalf("the rules have revision %d, want %d", know(), revision)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// crmFault is what a step says when the CRM answers 503; its class is final.
func crmFault() *events.Fault {
	return &events.Fault{
		Code: string(fault.HttpcallRejected), Class: string(fault.DataQuality), Message: "503", Dependency: "http:crm.example.com",
	}
}

// crmDown has a fault that is final tried again at once.
func crmDown() events.Rule {
	return events.Rule{
		Match: events.RuleMatch{Code: "httpcall.*", Dependency: "http:crm*"},
		Then:  events.RuleThen{Class: string(fault.DependencyDown), MaxMS: 1},
	}
}

// ruled is the record of a job at a revision, and what a rule said in it.
func (w *world) ruled(key string, revision int) (events.Record, string) {
	w.t.Helper()
	w.await(key, revision)
	r := w.history(key)[revision-1]
	if r.Input.Ruling == nil {
		return r, ""
	}
	return r, r.Input.Ruling.Rule
}

// The next failure obeys a rule, without a restart, until the rule ends or is
// removed; what was decided stays as it was.
func TestTheNextFailureObeysARule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.book()
	w.run(Config{Broker: w.conn, Rules: b})

	w.submit("before")
	w.await("before", 1)
	w.answer("before", "first", 1, crmFault())
	if r, rule := w.ruled("before", 2); rule != "" || r.Job.Steps["first"].State != events.StepFailed {
		t.Errorf("before the rule: %q, %+v", rule, r.Job.Steps["first"])
	}

	set := w.rule(crmDown(), b)
	w.submit("job")
	w.await("job", 1)
	for attempt := 1; attempt <= 3; attempt++ {
		w.answer("job", "first", attempt, crmFault())
		r, rule := w.ruled("job", 2*attempt)
		first := r.Job.Steps["first"]
		if rule != "crm-down" || r.Input.Ruling.Revision != set.Revision || first.State != events.StepRetrying || first.Spent != 0 {
			t.Fatalf("attempt %d: %q, %+v", attempt, rule, first)
		}
		w.await("job", 2*attempt+1) // the timer
	}

	if _, err := b.Remove(t.Context(), "crm-down", "bob", "it is back", rulebook.When{}); err != nil {
		t.Fatal(err)
	}
	w.awaitRules(0, b)
	w.answer("job", "first", 4, crmFault())
	if r, rule := w.ruled("job", 8); rule != "" || r.Job.Steps["first"].State != events.StepFailed {
		t.Errorf("after the removal: %q, %+v", rule, r.Job.Steps["first"])
	}
	w.replays("job")

	ends := crmDown()
	ends.Until = time.Now().Add(2 * time.Second)
	w.rule(ends, b)
	w.submit("late")
	w.await("late", 1)
	for !time.Now().After(ends.Until) {
		time.Sleep(50 * time.Millisecond)
	}
	w.answer("late", "first", 1, crmFault())
	if r, rule := w.ruled("late", 2); rule != "" || r.Job.Steps["first"].State != events.StepFailed {
		t.Errorf("after its end: %q, %+v", rule, r.Job.Steps["first"])
	}
}

// replays makes a job again from its records, without asking any rule.
func (w *world) replays(key string) {
	w.t.Helper()
	def, err := w.reg.Current(w.t.Context(), events.DefaultTenant, "two")
	if err != nil {
		w.t.Fatal(err)
	}
	records := w.history(key)
	got, err := flow.Replay(def.Plan, records)
	if err != nil {
		w.t.Fatal(err)
	}
	if diff := cmp.Diff(records[len(records)-1].Job, got); diff != "" {
		w.t.Errorf("replay differs (-want +got):\n%s", diff)
	}
}

// counting is a middleware that counts what a conductor handles.
func counting(n *atomic.Int64) bus.Middleware {
	return func(h message.HandlerFunc) message.HandlerFunc {
		return func(m *message.Message) ([]*message.Message, error) {
			n.Add(1)
			return h(m)
		}
	}
}

// Every conductor obeys a rule that was set at one of them.
func TestEveryConductorObeysARule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	books := []*rulebook.Book{w.book(), w.book()}
	var handled [2]atomic.Int64
	for i := range books {
		w.run(Config{Broker: w.conn, Rules: books[i], Middleware: []bus.Middleware{counting(&handled[i])}})
	}
	again := crmDown()
	again.Then.MaxMS, again.Then.RetryAfterMS = 0, time.Hour.Milliseconds()
	w.rule(again, books...)
	var keys []string
	for i := range 40 {
		keys = append(keys, fmt.Sprint("job", i))
		w.submit(keys[i])
	}
	for _, key := range keys {
		w.await(key, 1)
	}
	before := [2]int64{handled[0].Load(), handled[1].Load()}
	for _, key := range keys {
		w.answer(key, "first", 1, crmFault())
	}
	for _, key := range keys {
		r, rule := w.ruled(key, 2)
		if left := r.Job.Steps["first"].RetryAt.Sub(r.Time); rule != "crm-down" || left < time.Hour {
			t.Errorf("%s: rule %q, the next attempt in %v", key, rule, left)
		}
	}
	for i := range books {
		if handled[i].Load() == before[i] {
			t.Errorf("conductor %d has handled none of %d answers", i, len(keys))
		}
	}
}

// A rule with a rate keeps the next attempts apart, however many fail at once.
func TestARuleHasARate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.book()
	w.run(Config{Broker: w.conn, Rules: b})
	slow := crmDown()
	slow.Then = events.RuleThen{Class: string(fault.DependencyDown), Rate: "1/m"}
	w.rule(slow, b)
	var due []time.Time
	for i := range 20 {
		w.submit(fmt.Sprint("job", i))
	}
	for i := range 20 {
		w.await(fmt.Sprint("job", i), 1)
		w.answer(fmt.Sprint("job", i), "first", 1, crmFault())
	}
	for i := range 20 {
		key := fmt.Sprint("job", i)
		r, rule := w.ruled(key, 2)
		at := r.Job.Steps["first"].RetryAt
		if rule != "crm-down" || at != r.Input.Ruling.RetryAt || at.Before(r.Time) {
			t.Errorf("%s: rule %q gives %v, the next attempt is due at %v", key, rule, r.Input.Ruling, at)
		}
		due = append(due, at)
		w.replays(key)
	}
	slices.SortFunc(due, time.Time.Compare)
	for i := 1; i < len(due); i++ {
		if apart := due[i].Sub(due[i-1]); apart != time.Minute {
			t.Errorf("attempts %d and %d are %v apart, want a minute", i-1, i, apart)
		}
	}
}

// Rules are no part of what a stage answered well, or of what a worker that stops
// gave back.
func TestRulesSpeakOfNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.book()
	w.run(Config{Broker: w.conn, Rules: b})
	w.rule(crmDown(), b)
	w.submit("job")
	w.await("job", 1)
	w.answer("job", "first", 1, &events.Fault{Code: string(fault.StageDraining), Class: string(fault.Transient), Dependency: "http:crm"})
	w.await("job", 3)
	w.answer("job", "first", 2, nil)
	w.await("job", 4)
	w.answer("job", "second", 1, &events.Fault{Code: string(fault.FetchDenied), Class: string(fault.Auth), Dependency: "http:crm"})
	w.await("job", 5)
	for _, r := range w.history("job") {
		if r.Input.Ruling != nil {
			t.Errorf("record %d has a ruling: %+v", r.Revision, r.Input.Ruling)
		}
	}
}

func TestPacesAreBounded(t *testing.T) {
	t.Parallel()
	var s paces
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	first := s.take("r", time.Minute, at, at)
	if second := s.take("r", time.Minute, at, at); second.Sub(first) != time.Minute {
		t.Errorf("two places: %v and %v", first, second)
	}
	if other := s.take("r", time.Hour, at, at); other != at {
		t.Errorf("with another rate the first place is %v", other)
	}
	for i := range 3 * maxPaces {
		s.take(fmt.Sprint("r", i), time.Minute, at, at)
	}
	if len(s.byRule) > maxPaces {
		t.Errorf("%d rules are remembered", len(s.byRule))
	}
}
