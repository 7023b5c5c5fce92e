package partition_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/stage"
)

// TestCutConductor cuts off a conductor that has jobs in its memory. With a second
// one the jobs move on meanwhile, and the first follows when it is back; without one
// they do when it is back.
func TestCutConductor(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]bool{"with another": true, "alone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			link := w.link()
			w.conductor(link.Addr())
			there, open := make(chan struct{}), make(chan struct{})
			var once sync.Once
			w.worker(w.broker, func(_ context.Context, task *stage.Task) (stage.Result, error) {
				once.Do(func() {
					close(there)
					<-open
				})
				return signed("worker", task), nil
			})
			var jobs []string
			for i := range 5 {
				jobs = append(jobs, w.submit(fmt.Sprint("before ", i)))
			}
			wait(t, "the worker has a task", there)
			for _, j := range jobs {
				w.await(j, events.JobAccepted)
			}
			w.cut(link)
			close(open)
			for i := range 5 {
				jobs = append(jobs, w.submit(fmt.Sprint("meanwhile ", i)))
			}
			if second {
				w.conductor(w.broker)
				for _, j := range jobs {
					w.await(j, events.JobCompleted)
				}
			} else {
				w.answered(events.OutcomeOfStep(events.DefaultTenant, jobs[0], "one"))
			}
			w.heal(link)
			for i := range 5 {
				jobs = append(jobs, w.submit(fmt.Sprint("after ", i)))
			}
			for _, j := range jobs {
				w.await(j, events.JobCompleted)
				if diff := cmp.Diff([]string{"one 1 succeeded worker", "two 1 succeeded worker"}, w.answers(j)); diff != "" {
					t.Errorf("job %s: %s", j, diff)
				}
			}
			w.empty()
		})
	}
}
