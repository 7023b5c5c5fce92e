package pipeline

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// TestAtOnce uses one definition from many goroutines; the race detector watches.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	d := mustCheck(t, "testdata/good/expressions.yaml")
	facts := func(i int) flow.Facts {
		f := evalFacts(fmt.Sprintf(`{"count":%d}`, i%10))
		f.Job.Steps["a-first"] = f.Job.Steps["first"]
		f.Job.Steps["done"] = f.Job.Steps["first"]
		return f
	}
	want := make([]string, 10)
	for i := range want {
		want[i] = everything(t, d, facts(i))
	}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 50 {
				n := (worker + i) % 10
				if got := everything(t, d, facts(n)); got != want[n] {
					t.Errorf("another answer: %s", cmp.Diff(want[n], got))
				}
			}
		})
	}
	group.Wait()
}

// everything evaluates all that there is.
func everything(t *testing.T, d *Definition, f flow.Facts) string {
	t.Helper()
	out := ""
	for _, s := range d.Plan.Steps {
		if s.When != nil {
			run, err := s.When.Eval(f)
			out += fmt.Sprintln(s.ID, run, err)
		}
		if s.With != nil {
			config, err := s.With.Resolve(f)
			out += fmt.Sprintln(s.ID, string(config), err)
		}
	}
	for _, o := range d.Plan.Outputs {
		files, err := o.Value.Files(f)
		out += fmt.Sprintln(o.Name, files, err)
	}
	params, problems := d.Params(f.Job.Params)
	return out + fmt.Sprintln(string(params), problems)
}

// TestFactsAreLent looks whether evaluating changes what it is given.
func TestFactsAreLent(t *testing.T) {
	t.Parallel()
	d := mustCheck(t, "testdata/good/expressions.yaml")
	f := evalFacts(`{"address":{}}`)
	everything(t, d, f)
	if diff := cmp.Diff(evalFacts(`{"address":{}}`), f); diff != "" {
		t.Error(diff)
	}
}

// TestCheckIsAFunction checks every file again and again, at once.
func TestCheckIsAFunction(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"good", "bad"} {
		for _, path := range files(t, folder) {
			src := read(t, path)
			_, want := Check("f", src, testStages())
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					_, got := Check("f", src, testStages())
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s: another answer\n%s", path, diff)
					}
				})
			}
			group.Wait()
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	src := read(b, "testdata/good/archive.yaml")
	stages := testStages()
	b.ReportAllocs()
	for b.Loop() {
		if d, _ := Check("f", src, stages); d == nil {
			b.Fatal("refused")
		}
	}
}

func BenchmarkEval(b *testing.B) {
	d := mustCheck(b, "testdata/good/archive.yaml")
	f := evalFacts(`{"customer":"C000001"}`)
	f.Job.Steps["identify"] = f.Job.Steps["first"]
	f.Job.Steps["publish"] = events.Step{State: events.StepSucceeded}
	for _, s := range d.Plan.Steps {
		if s.When != nil {
			b.Run("when/"+s.ID, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.When.Eval(f); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		if s.With != nil {
			b.Run("with/"+s.ID, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.With.Resolve(f); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
