package stagetest

import (
	"reflect"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/stage"
)

// testRepeat runs the same task three times: one attempt after the other.
func (k *Kit) testRepeat(t *testing.T, c Case) {
	job := NewJob(t, c).of(k.Stage.Spec())
	task := job.Attempt()
	first, err := k.attempt(t, c, task)
	second, err2 := k.attempt(t, c, job.Attempt())
	third, err3 := k.attempt(t, c, job.Attempt())
	if c.Fault != "" {
		for _, err := range []error{err, err2, err3} {
			k.checkFault(t, c.Fault, err)
		}
		return
	}
	for _, err := range []error{err, err2, err3} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the second attempt has another result: %s", diff)
	}
	if diff := cmp.Diff(first, third); diff != "" {
		t.Errorf("the third attempt has another result: %s", diff)
	}
	k.checkResult(t, task, first)
	if c.Check != nil {
		c.Check(t, task, first)
	}
}

func (k *Kit) attempt(t *testing.T, c Case, task *stage.Task) (stage.Result, error) {
	t.Helper()
	if c.Prepare != nil {
		c.Prepare(t, task)
	}
	files := append(task.Files[:0:0], task.Files...)
	r, err := k.run(t.Context(), task)
	if !reflect.DeepEqual(files, task.Files) {
		t.Error("the stage has changed its task")
	}
	return r, err
}

// testTogether runs the cases of several jobs at once, on one store.
func (k *Kit) testTogether(t *testing.T) {
	s := artifact.New(memstore.New(), nil)
	t.Cleanup(func() { _ = s.Close() })
	for _, c := range k.good(t) {
		const jobs = 4
		results, errs := make([]stage.Result, jobs), make([]error, jobs)
		var wg sync.WaitGroup
		for i := range jobs {
			task := newJob(t, c, s, token(c.Name+"-"+string(rune('a'+i)))).of(k.Stage.Spec()).Attempt()
			if c.Prepare != nil {
				c.Prepare(t, task)
			}
			wg.Go(func() { results[i], errs[i] = k.run(t.Context(), task) })
		}
		wg.Wait()
		for i := range jobs {
			if errs[i] != nil {
				t.Fatalf("%s: %v", c.Name, errs[i])
			}
			if diff := cmp.Diff(results[0].Files, results[i].Files); diff != "" {
				t.Errorf("%s: two jobs with the same task have other files: %s", c.Name, diff)
			}
		}
	}
}
