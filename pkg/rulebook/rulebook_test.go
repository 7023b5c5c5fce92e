package rulebook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/rulebook"
)

func bucket(t *testing.T) *bus.KV {
	t.Helper()
	kv, err := bustest.Conn(t).KV(t.Context(), events.BucketRules)
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// clock is a clock that tests turn.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) turn(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func down(name string) events.Rule {
	return events.Rule{
		Name: name, Match: events.RuleMatch{Stage: "fetch", Dependency: "http:crm*"},
		Then: events.RuleThen{Class: "dependency_down", Rate: "2/s"}, Reason: "it is being restarted", By: "ann",
	}
}

func set(t *testing.T, b *rulebook.Book, r events.Rule, when rulebook.When) (events.Rule, bool) {
	t.Helper()
	got, created, _, err := b.Set(t.Context(), r, when)
	if err != nil {
		t.Fatal(err)
	}
	return got, created
}

func remove(t *testing.T, b *rulebook.Book, name string) {
	t.Helper()
	if _, err := b.Remove(t.Context(), name, "bob", "it is back", rulebook.When{}); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, b *rulebook.Book) string {
	t.Helper()
	list, err := b.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range list {
		all = append(all, r.Name)
	}
	return strings.Join(all, " ")
}

func TestSetAndRemove(t *testing.T) {
	t.Parallel()
	c := newClock()
	kv := bucket(t)
	b := rulebook.New(kv, rulebook.Options{Stages: []string{"fetch"}, Now: c.now})
	other := rulebook.New(kv, rulebook.Options{Now: c.now}) // another process

	if _, err := b.Get(t.Context(), "crm"); !fault.Has(err, fault.RuleNotFound) {
		t.Errorf("before the first: %v", err)
	}
	first, created := set(t, b, down("crm"), rulebook.When{})
	if !created || first.Revision == 0 || first.CreatedAt != c.now() {
		t.Errorf("first: %+v %t", first, created)
	}
	c.turn(time.Minute)
	slower := down("crm")
	slower.Then.Rate, slower.By, slower.Reason = "1/s", "bob", "still too fast"
	second, created := set(t, other, slower, rulebook.When{})
	if created || second.Revision <= first.Revision {
		t.Errorf("second: %+v %t", second, created)
	}
	got, err := b.Get(t.Context(), "crm")
	if diff := cmp.Diff(second, got); diff != "" || err != nil {
		t.Errorf("get: %v (-want +got):\n%s", err, diff)
	}
	set(t, b, down("a"), rulebook.When{})
	if got := names(t, other); got != "a crm" {
		t.Errorf("list: %s", got)
	}
	c.turn(time.Minute)
	remove(t, b, "crm")
	if _, err := b.Remove(t.Context(), "crm", "bob", "again", rulebook.When{}); !fault.Has(err, fault.RuleNotFound) {
		t.Errorf("remove again: %v", err)
	}
	if got := names(t, other); got != "a" {
		t.Errorf("list after the removal: %s", got)
	}
	third, created := set(t, b, down("crm"), rulebook.When{New: true})
	if !created {
		t.Error("a rule that was removed is made anew")
	}

	history, err := other.History(t.Context(), "crm")
	if err != nil || len(history) != 4 {
		t.Fatalf("history: %+v, %v", history, err)
	}
	var told []string
	for _, h := range history {
		rate := ""
		if h.Rule != nil {
			rate = h.Rule.Then.Rate
		}
		told = append(told, fmt.Sprint(h.Action, " ", rate, " ", h.By, " ", h.Reason, " ", h.At.Format("15:04")))
	}
	want := []string{
		"set 2/s ann it is being restarted 03:00", "set 1/s bob still too fast 03:01",
		"remove  bob it is back 03:02", "set 2/s ann it is being restarted 03:02",
	}
	if diff := cmp.Diff(want, told); diff != "" || history[3].Revision != third.Revision || history[0].Rule.Revision != first.Revision {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if _, err := b.History(t.Context(), "never"); !fault.Has(err, fault.RuleNotFound) {
		t.Errorf("history of nothing: %v", err)
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	b := rulebook.New(bucket(t), rulebook.Options{})
	refused := func(what string, when rulebook.When) {
		t.Helper()
		if _, _, _, err := b.Set(t.Context(), down("crm"), when); !fault.Has(err, fault.RuleStaleRevision) {
			t.Errorf("%s: %v, want rule.stale_revision", what, err)
		}
	}
	refused("the revision of what is not there", rulebook.When{Revision: 1})
	first, _ := set(t, b, down("crm"), rulebook.When{New: true})
	refused("a new one that is there", rulebook.When{New: true})
	second, _ := set(t, b, down("crm"), rulebook.When{Revision: first.Revision})
	refused("a revision that has passed", rulebook.When{Revision: first.Revision})
	_, err := b.Remove(t.Context(), "crm", "ann", "done", rulebook.When{Revision: first.Revision})
	if !fault.Has(err, fault.RuleStaleRevision) {
		t.Errorf("remove a revision that has passed: %v", err)
	}
	if _, err := b.Remove(t.Context(), "crm", "ann", "done", rulebook.When{Revision: second.Revision}); err != nil {
		t.Errorf("remove the revision that it has: %v", err)
	}
	refused("the revision of what is removed", rulebook.When{Revision: second.Revision})
}

func TestRulesEnd(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := rulebook.New(bucket(t), rulebook.Options{Now: c.now})
	r := down("crm")
	r.Until = c.now().Add(time.Hour)
	first, _ := set(t, b, r, rulebook.When{})
	c.turn(time.Hour)
	if _, err := b.Get(t.Context(), "crm"); !fault.Has(err, fault.RuleNotFound) || names(t, b) != "" {
		t.Errorf("a rule that has ended is read: %v, %q", err, names(t, b))
	}
	if _, err := b.Remove(t.Context(), "crm", "", "gone", rulebook.When{}); !fault.Has(err, fault.RuleNotFound) {
		t.Errorf("a rule that has ended is removed: %v", err)
	}
	if _, _, _, err := b.Set(t.Context(), r, rulebook.When{}); !fault.Has(err, fault.RuleInvalid) {
		t.Errorf("a rule is set with an end that has passed: %v", err)
	}
	r.Until = time.Time{}
	again, created := set(t, b, r, rulebook.When{New: true})
	if !created || again.Revision <= first.Revision {
		t.Errorf("after its end: %+v %t", again, created)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := rulebook.New(bucket(t), rulebook.Options{Stages: []string{"fetch"}})
	for want, change := range map[string]func(*events.Rule){
		"/name":         func(r *events.Rule) { r.Name = "" },
		"/name ":        func(r *events.Rule) { r.Name = "a.*" },
		"/reason":       func(r *events.Rule) { r.Reason = "  " },
		"/match":        func(r *events.Rule) { r.Match = events.RuleMatch{} },
		"/match/code":   func(r *events.Rule) { r.Match.Code = "fetch.nonesuch" },
		"/match/code ":  func(r *events.Rule) { r.Match.Code = "Fetch" },
		"/then/class":   func(r *events.Rule) { r.Then.Class = "down" },
		"/then":         func(r *events.Rule) { r.Then = events.RuleThen{} },
		"/then/rate":    func(r *events.Rule) { r.Then.Rate = "fast" },
		"/then/factor":  func(r *events.Rule) { r.Then.Factor = 0.5 },
		"/until":        func(r *events.Rule) { r.Until = time.Now().Add(-time.Second) },
		"/match/stage":  func(r *events.Rule) { r.Match.Stage = "a b" },
		"/match/tenant": func(r *events.Rule) { r.Match.Tenant = ">" },
		"/then/max_ms":  func(r *events.Rule) { r.Then.MaxMS = 1 << 40 },
	} {
		r := down("crm")
		change(&r)
		_, _, _, err := b.Set(t.Context(), r, rulebook.When{})
		var refusal *rulebook.Refusal
		if !errors.As(err, &refusal) || !fault.Has(err, fault.RuleInvalid) {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if got := refusal.List[0]; got.Pointer != strings.TrimSpace(want) || got.Code != string(fault.RuleInvalid) {
			t.Errorf("%s: %+v", want, refusal.List)
		}
	}
	if _, err := b.Remove(t.Context(), "crm", "", " ", rulebook.When{}); !fault.Has(err, fault.RuleInvalid) {
		t.Errorf("removed without a reason: %v", err)
	}
	for _, name := range []string{"", "*", ">", "a.b", "a b", strings.Repeat("a", 65)} {
		if _, err := b.Get(t.Context(), name); !fault.Has(err, fault.RuleNotFound) {
			t.Errorf("get %q: %v", name, err)
		}
		if _, err := b.History(t.Context(), name); !fault.Has(err, fault.RuleNotFound) {
			t.Errorf("history of %q: %v", name, err)
		}
	}
	_, _, warnings, err := b.Set(t.Context(), down("crm"), rulebook.When{})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "no end") {
		t.Errorf("warnings: %q, %v", warnings, err)
	}
}

func TestConcurrentChangesAllTakeEffect(t *testing.T) {
	t.Parallel()
	b := rulebook.New(bucket(t), rulebook.Options{})
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			r := down("crm")
			r.Reason = fmt.Sprint(i)
			if _, _, _, err := b.Set(t.Context(), r, rulebook.When{}); err != nil {
				t.Errorf("set %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if history, err := b.History(t.Context(), "crm"); err != nil || len(history) != 6 {
		t.Errorf("%d changes, %v", len(history), err)
	}
}

// What somebody wrote into the bucket by hand hides nothing else, and can be
// replaced.
func TestRubbishInTheBucket(t *testing.T) {
	t.Parallel()
	kv := bucket(t)
	b := rulebook.New(kv, rulebook.Options{})
	set(t, b, down("good"), rulebook.When{})
	set(t, b, down("gone"), rulebook.When{})
	for key, value := range map[string]string{
		"broken": "{", "other": `{"action":"set","name":"good","rule":{}}`, "half": `{"action":"set","name":"half"}`, "not.a.name": "{}",
	} {
		if _, err := kv.Put(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := kv.Delete(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, b); got != "good" {
		t.Errorf("list: %s", got)
	}
	if _, err := b.Get(t.Context(), "broken"); !fault.Has(err, fault.InternalBug) {
		t.Errorf("get what is broken: %v", err)
	}
	for _, name := range []string{"broken", "half", "gone"} {
		set(t, b, down(name), rulebook.When{})
	}
	if got := names(t, b); got != "broken gone good half" {
		t.Errorf("list after they were set: %s", got)
	}
	history, err := b.History(t.Context(), "gone")
	if err != nil || len(history) != 3 || history[1].Action != events.RuleRemove {
		t.Errorf("history with a deletion by hand: %+v, %v", history, err)
	}
	if history, err := b.History(t.Context(), "broken"); err != nil || len(history) != 1 {
		t.Errorf("history with rubbish: %+v, %v", history, err)
	}
}

func TestThereIsALimit(t *testing.T) {
	t.Parallel()
	c := newClock()
	kv := bucket(t)
	b := rulebook.New(kv, rulebook.Options{Now: c.now})
	ends := down("ends")
	ends.Until = c.now().Add(time.Second)
	set(t, b, ends, rulebook.When{})
	for i := 1; i < rulebook.MaxRules; i++ {
		r := down(fmt.Sprint("r", i))
		value, err := json.Marshal(events.RuleChange{Action: events.RuleSet, Name: r.Name, Rule: &r})
		if err == nil {
			_, err = kv.Create(t.Context(), r.Name, value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, _, _, err := b.Set(t.Context(), down("more"), rulebook.When{}); !fault.Has(err, fault.RuleTooMany) {
		t.Errorf("one more: %v", err)
	}
	set(t, b, down("r7"), rulebook.When{}) // is there already
	c.turn(time.Minute)
	set(t, b, down("more"), rulebook.When{}) // one has ended
}
