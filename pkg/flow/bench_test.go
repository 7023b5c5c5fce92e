package flow_test

import (
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// BenchmarkApply shows what one decision about a job of five steps costs.
func BenchmarkApply(b *testing.B) {
	p := chain("a", "b", "c", "d", "e")
	w := submit(b, p)
	fresh := w.job
	w.ok("a")
	running := w.job
	w.ok("b")
	w.ok("c")
	w.ok("d")
	last := w.job
	for _, bc := range []struct {
		name string
		job  events.Job
		in   events.Input
	}{
		{"submit", events.Job{}, submission(p)},
		{"first", fresh, success("a", 1, file("a"))},
		{"middle", running, success("b", 1, file("b"))},
		{"last", last, success("e", 1, file("e"))},
		{"failed", running, failure("b", 1, fault.Transient)},
		{"stale", last, success("a", 1, file("a"))},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := flow.Apply(p, bc.job, bc.in, flow.Env{Now: w.now, Entropy: 7}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkTask shows what the message of one step costs.
func BenchmarkTask(b *testing.B) {
	w := submit(b, chain("a", "b", "c", "d", "e"))
	w.ok("a")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := flow.Task(w.plan, w.job, work("b", 1), 2); err != nil {
			b.Fatal(err)
		}
	}
}
