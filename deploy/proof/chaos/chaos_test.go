package main

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/deploy/proof/rig"
	"github.com/millrace/millrace/events"
)

func TestMain(m *testing.M) {
	rig.Main()
	os.Exit(m.Run())
}

// TestProve makes a small run, with everything in it.
func TestProve(t *testing.T) {
	t.Parallel()
	f, err := prove(t.Context(), options{
		jobs: 40, kills: 2, faults: 8, window: 10, seed: 7, open: 500 * time.Millisecond, durability: "relaxed",
	})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	f.print(&text)
	if len(f.violations) > 0 || f.accepted != 40 || f.kills != 2 || !strings.Contains(text.String(), "every promise was kept") {
		t.Errorf("%s", text.String())
	}
}

// TestPlan: the same seed gives the same plan, another one another.
func TestPlan(t *testing.T) {
	t.Parallel()
	of := func(seed uint64) plan {
		all, links := names()
		return newPlan(options{jobs: 500, kills: 20, faults: 50, seed: seed}, all, slices.Clone(dependencies), links)
	}
	p, same, other := of(1), of(1), of(2)
	if p.digest() != same.digest() || p.digest() == other.digest() {
		t.Error("the plan does not follow from the seed")
	}
	kills, victims := 0, map[string]bool{}
	for i, a := range p.acts {
		if i > 0 && a.at < p.acts[i-1].at {
			t.Errorf("%s comes after %s", a, p.acts[i-1])
		}
		victims[a.victim] = true
		if a.kill {
			kills++
		}
	}
	if len(p.jobs) != 500 || kills != 20 || len(p.acts) != 70 || len(victims) != 11 {
		t.Errorf("%d jobs, %d kills, %d acts, victims %v", len(p.jobs), kills, len(p.acts), victims)
	}
}

// TestCalled wants a broken promise to be seen, and an effect of which the job had
// said that nobody can tell to be counted apart.
func TestCalled(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		state      events.JobState
		made, back int
		unknown    bool
		wrong      bool
	}{
		"once":                {state: events.JobCompleted, made: 1},
		"taken back":          {state: events.JobRolledBack, made: 1, back: 1},
		"never":               {state: events.JobFailed},
		"twice":               {state: events.JobCompleted, made: 2, wrong: true},
		"twice, and said so":  {state: events.JobCompleted, made: 2, unknown: true},
		"lost":                {state: events.JobCompleted, wrong: true},
		"left":                {state: events.JobRolledBack, made: 1, wrong: true},
		"taken back too much": {state: events.JobRolledBack, made: 2, back: 2, wrong: true},
		"taken back wrongly":  {state: events.JobCompleted, made: 1, back: 1, wrong: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(false)
			defer s.Close()
			id := events.EffectID("t", "j", "tell", "call")
			ask := func(path string) {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Idempotency-Key", `"`+id+`"`)
				a, err := s.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				_ = a.Body.Close()
			}
			for range test.made {
				ask("/tell")
			}
			for range test.back {
				ask("/untell/" + id)
			}
			f := &figures{unlike: map[string]int{}}
			v := &verdict{job: events.Job{ID: "j", Tenant: "t", State: test.state}, unknown: map[string]bool{"tell": test.unknown}}
			new(hall).called(f, v, "tell", s)
			if got := len(f.violations) > 0; got != test.wrong || len(f.unlike) > 0 != test.unknown {
				t.Errorf("violations %v, unlike %v", f.violations, f.unlike)
			}
		})
	}
}
