package partition_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// place is what the stage of these tests remembers.
type place struct{ N int }

// zombie is the work of a worker that is cut off in its first task and pays no
// attention: it goes on as if nothing were, and answers in the end that all is well.
type zombie struct {
	t *testing.T
	// there: the place is reached where it is cut off. back: it may go on.
	there, back chan struct{}
	tasks       atomic.Int32
	// act is what it does in its first task.
	act func(ctx context.Context, task *stage.Task)
}

func newZombie(t *testing.T) *zombie {
	return &zombie{t: t, there: make(chan struct{}), back: make(chan struct{})}
}

func (z *zombie) work(ctx context.Context, task *stage.Task) (stage.Result, error) {
	if z.tasks.Add(1) == 1 {
		z.act(context.WithoutCancel(ctx), task)
	}
	return signed("first", task), nil
}

// refused tries something again and again until it is refused as overtaken: before
// that the connection may not be back.
func (z *zombie) refused(try func() error) {
	for deadline := time.Now().Add(60 * time.Second); ; {
		err := try()
		if fault.Has(err, fault.CheckpointOvertaken) {
			return
		}
		if err == nil || time.Now().After(deadline) {
			z.t.Errorf("the zombie gets %v", err)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestCutDuringSave cuts a worker off between two saves, and in the middle of one.
func TestCutDuringSave(t *testing.T) {
	t.Parallel()
	for name, during := range map[string]bool{"between two": false, "in the middle of one": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.conductor(w.broker)
			link, z := w.link(), newZombie(t)
			cut := make(chan struct{})
			z.act = func(ctx context.Context, task *stage.Task) {
				var at place
				run, err := task.Resume(ctx, 1, &at)
				if err != nil {
					t.Error(err)
				}
				at.N = 1
				if err := run.Save(ctx, 1, 3); err != nil {
					t.Error(err)
				}
				close(z.there)
				<-cut
				if during {
					at.N = 2
					if err := run.Save(ctx, 2, 3); err == nil {
						t.Error("a save that nobody can have stored has succeeded")
					}
				}
				<-z.back
				at.N = 3
				z.refused(func() error { return run.Save(ctx, 3, 3) })
			}
			w.worker(link.Addr(), z.work)
			job := w.submit("a")
			wait(t, "the first place is saved", z.there)
			w.cut(link)
			close(cut)
			var from atomic.Int32
			stop := w.worker(w.broker, func(ctx context.Context, task *stage.Task) (stage.Result, error) {
				var at place
				if _, err := task.Resume(ctx, 1, &at); err != nil {
					return stage.Result{}, err
				}
				from.CompareAndSwap(0, int32(at.N))
				return signed("second", task), nil
			})
			w.await(job, events.JobCompleted)
			if from.Load() != 1 {
				t.Errorf("the second worker goes on at place %d, want 1", from.Load())
			}
			w.afterwards(job, z, func() { w.heal(link) }, stop, []string{"one 1 succeeded second", "two 1 succeeded second"})
		})
	}
}

// afterwards lets a zombie come back when its job is done, and wants that to change
// nothing, and its slot to take work again.
func (w *world) afterwards(job string, z *zombie, heal, stop func(), answers []string) {
	w.t.Helper()
	before := len(w.history(job))
	heal()
	close(z.back)
	stop()
	next := w.submit("next")
	w.await(next, events.JobCompleted)
	if diff := cmp.Diff([]string{"one 1 succeeded first", "two 1 succeeded first"}, w.answers(next)); diff != "" {
		w.t.Errorf("the job after it: %s", diff)
	}
	if after := len(w.history(job)); after != before {
		w.t.Errorf("%d records became %d when the zombie was back", before, after)
	}
	if diff := cmp.Diff(answers, w.answers(job)); diff != "" {
		w.t.Error(diff)
	}
	w.empty()
}

// TestCutDuringEffect cuts a worker off between the intent to make a call and the
// receipt of it. The call arrives.
func TestCutDuringEffect(t *testing.T) {
	t.Parallel()
	for name, asks := range map[string]bool{"the other side can be asked": true, "nobody can tell": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.conductor(w.broker)
			link, z := w.link(), newZombie(t)
			var made atomic.Int32
			pay := func(ctx context.Context, task *stage.Task, during func()) error {
				var verify checkpoint.Verify
				if asks {
					verify = func(context.Context, string) (string, error) {
						if made.Load() == 0 {
							return "", checkpoint.ErrAbsent
						}
						return "paid", nil
					}
				}
				_, err := task.Effect(ctx, "pay", func(context.Context, string) (string, error) {
					made.Add(1)
					during()
					return "paid", nil
				}, verify)
				return err
			}
			z.act = func(ctx context.Context, task *stage.Task) {
				err := pay(ctx, task, func() {
					close(z.there)
					<-z.back
				})
				z.refused(func() error {
					if err == nil {
						return nil
					}
					again := err
					err = pay(ctx, task, func() { t.Error("the zombie pays again") })
					return again
				})
			}
			w.worker(link.Addr(), z.work)
			job := w.submit("a")
			wait(t, "the call is made", z.there)
			w.cut(link)
			stop := w.worker(w.broker, func(ctx context.Context, task *stage.Task) (stage.Result, error) {
				if task.Step == "two" {
					return signed("second", task), nil
				}
				err := pay(ctx, task, func() { t.Error("the second worker pays again") })
				return signed("second", task), err
			})
			answers := []string{"one 1 succeeded second", "two 1 succeeded second"}
			if !asks {
				j := w.await(job, events.JobAttention)
				if f := j.Steps["one"].Fault; f == nil || f.Code != string(fault.EffectUnknown) || j.Steps["one"].Effect != "pay" {
					t.Errorf("the step says %+v", j.Steps["one"])
				}
				w.publish(events.ControlSubject(events.DefaultTenant, job), "settle", events.Command{
					Verb: events.VerbRetry, Step: "one", Effect: events.SettleDone,
				})
				answers = []string{"one 1 failed ", "one 2 succeeded second", "two 1 succeeded second"}
			}
			w.await(job, events.JobCompleted)
			w.afterwards(job, z, func() { w.heal(link) }, stop, answers)
			if made.Load() != 1 {
				t.Errorf("the call was made %d times", made.Load())
			}
		})
	}
}
