package mill_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/mill"
)

const publishSteps = `    - id: fetch
      uses: fetch@1
    - id: hash
      uses: hash@1
    - id: compress
      uses: compress@1
    - id: publish
      uses: publish@1
      with: { dir: out }
`

// rerun asks for the rerun of a job, and waits for its end.
func (w *world) rerun(key string, r events.RerunRequest) events.Job {
	w.t.Helper()
	j := w.final(w.accepted("docs", events.Submission{Key: key, Rerun: &r}))
	d, err := w.mill.Pipelines().Version(w.t.Context(), j.Tenant, j.Pipeline.Digest)
	if err != nil {
		w.t.Fatal(err)
	}
	var records []events.Record
	err = w.conn.Scan(w.t.Context(), bus.Scan{
		Stream: events.StreamEvents, Filters: []string{events.HistoryFilter(j.Tenant, j.ID)},
	}, func(m *bus.Message) error {
		var rec events.Record
		err := json.Unmarshal(m.Data, &rec)
		records = append(records, rec)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := flow.Replay(d.Plan, records); err != nil {
		w.t.Error(err)
	}
	return j
}

// rollback takes back what a job did.
func (w *world) rollback(j events.Job) events.Job {
	w.t.Helper()
	d, err := w.mill.Pipelines().Version(w.t.Context(), j.Tenant, j.Pipeline.Digest)
	if err != nil {
		w.t.Fatal(err)
	}
	plan, err := flow.Rollback(d.Plan, j)
	if err != nil {
		w.t.Fatal(err)
	}
	data, err := json.Marshal(events.Command{Verb: events.VerbRollback, Plan: plan.Digest, Reason: "wrong customer"})
	if err != nil {
		w.t.Fatal(err)
	}
	out := bus.Out{Subject: events.ControlSubject(j.Tenant, j.ID), ID: j.ID + "rollback", Data: data}
	if err := w.conn.Publish(w.t.Context(), out); err != nil {
		w.t.Fatal(err)
	}
	return w.await(j.ID, "rolled back", func(j events.Job) bool { return j.State == events.JobRolledBack })
}

// published are the files of a folder below the publish folder.
func published(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// wantReuse checks what a rerun decided about every step.
func wantReuse(t *testing.T, j events.Job, want map[string]events.ReuseReason) {
	t.Helper()
	got := map[string]events.ReuseReason{}
	for id, st := range j.Steps {
		if st.Reuse != nil {
			got[id] = st.Reuse.Reason
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || j.State != events.JobCompleted {
		t.Errorf("the job is %s; reasons (-want +got):\n%s", j.State, diff)
	}
}

// TestRerun runs a job again in a whole mill: as it was, by a newer version of its
// pipeline, and after it was rolled back.
func TestRerun(t *testing.T) {
	t.Parallel()
	const same = events.ReuseUnchanged
	folder := t.TempDir()
	w := newWorld(t, func(c *mill.Config) { c.PublishDir = folder })
	w.apply("docs", publishSteps)
	first := w.final(w.accepted("docs", inline("k", "hello, hello, hello")))
	kept := published(t, filepath.Join(folder, "out"))
	if first.State != events.JobCompleted || len(kept) != 1 {
		t.Fatalf("the job is %s, and published %v", first.State, kept)
	}

	again := w.rerun("again", events.RerunRequest{Job: first.ID})
	wantReuse(t, again, map[string]events.ReuseReason{"fetch": same, "hash": same, "compress": same, "publish": same})
	if diff := cmp.Diff(first.Outputs, again.Outputs); diff != "" {
		t.Errorf("outputs differ: %s", diff)
	}

	w.apply("docs", publishSteps+"    - id: check\n      uses: hash@1\n")
	newer := w.rerun("newer", events.RerunRequest{Job: first.ID, FromStep: "hash", PipelineVersion: "newest"})
	wantReuse(t, newer, map[string]events.ReuseReason{
		"fetch": same, "hash": events.ReuseFromStep, "compress": events.ReuseFromStep, "publish": events.ReuseFromStep,
		"check": events.ReuseFromStep,
	})
	w.apply("docs", publishSteps+"    - id: check\n      uses: identify@1\n")
	newest := w.rerun("newest", events.RerunRequest{Job: newer.ID, PipelineVersion: "newest"})
	wantReuse(t, newest, map[string]events.ReuseReason{
		"fetch": same, "hash": same, "compress": same, "publish": same, "check": events.ReuseStageChanged,
	})
	if got := newest.Steps["fetch"].Reuse.Job + " " + newest.Steps["publish"].Reuse.Job; got != first.ID+" "+newer.ID {
		t.Errorf("the work is that of %s", got)
	}

	w.rollback(first)
	back := w.rerun("back", events.RerunRequest{Job: first.ID})
	wantReuse(t, back, map[string]events.ReuseReason{
		"fetch": same, "hash": same, "compress": same, "publish": events.ReuseUndone,
	})
	if diff := cmp.Diff(kept, published(t, filepath.Join(folder, "out"))); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

// TestRerunAfterARestart wants a rerun that was accepted to go on after the mill was
// stopped, and its request to be answered with the same job.
func TestRerunAfterARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.apply("docs", "    - id: hash\n      uses: hash@1\n    - id: slow\n      uses: simulate@1\n      with: { delay: 300ms }\n")
	first := w.final(w.accepted("docs", inline("k", "hello")))
	ask := events.Submission{Key: "again", Rerun: &events.RerunRequest{Job: first.ID, FromStep: "slow"}}
	job := w.accepted("docs", ask)
	w.stop()
	w.start()
	if again := w.accepted("docs", ask); again != job {
		t.Errorf("the same request made job %s and job %s", job, again)
	}
	wantReuse(t, w.final(job), map[string]events.ReuseReason{"hash": events.ReuseUnchanged, "slow": events.ReuseFromStep})
}

// TestRerunOfWhatIsTakenBackMeanwhile rolls a job back while its rerun is under way and
// has not come to the step that it would reuse: it does that step again.
func TestRerunOfWhatIsTakenBackMeanwhile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	w := newWorld(t, func(c *mill.Config) { c.PublishDir = folder })
	version := func(with string) {
		w.apply("docs", "    - { id: first, uses: simulate@1"+with+" }\n    - { id: keep, uses: publish@1, with: { dir: keep } }\n")
	}
	version("")
	first := w.final(w.accepted("docs", inline("k", "hello")))
	version(", with: { fail: { class: auth, times: 1 } }")
	ask := events.RerunRequest{Job: first.ID, PipelineVersion: "newest"}
	job := w.accepted("docs", events.Submission{Key: "again", Rerun: &ask})
	w.attention(job)
	w.rollback(first)
	w.command(job, events.Command{Verb: events.VerbRetry})
	again := w.rerun("again", ask)
	same(t, "job", again.ID, job)
	wantReuse(t, again, map[string]events.ReuseReason{"first": events.ReuseConfigChanged, "keep": events.ReuseUndone})
	same(t, "published", published(t, filepath.Join(folder, "keep")), []string{"a.txt"})
}

// TestRollbackOfAJobAndOfItsRerun wants each of the two to take back what it did itself
// and nothing else, whichever is rolled back first: what the rerun has reused is gone
// when its job is rolled back, and is not touched by the rerun.
func TestRollbackOfAJobAndOfItsRerun(t *testing.T) {
	t.Parallel()
	for name, rerunFirst := range map[string]bool{"the job first": false, "the rerun first": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			w := newWorld(t, func(c *mill.Config) { c.PublishDir = folder })
			w.apply("docs", "    - { id: keep, uses: publish@1, with: { dir: keep } }\n    - { id: ship, uses: publish@1, with: { dir: '${{ job.id }}' } }\n")
			first := w.final(w.accepted("docs", inline("k", "hello")))
			again := w.rerun("again", events.RerunRequest{Job: first.ID, FromStep: "ship"})
			wantReuse(t, again, map[string]events.ReuseReason{"keep": events.ReuseUnchanged, "ship": events.ReuseFromStep})
			there := func() []int {
				return []int{
					len(published(t, filepath.Join(folder, "keep"))), len(published(t, filepath.Join(folder, first.ID))),
					len(published(t, filepath.Join(folder, again.ID))),
				}
			}
			same(t, "both have shipped", there(), []int{1, 1, 1})
			if rerunFirst {
				again = w.rollback(again)
				same(t, "the rerun is taken back", there(), []int{1, 1, 0})
				first = w.rollback(first)
			} else {
				first = w.rollback(first)
				same(t, "the job is taken back", there(), []int{0, 0, 1})
				again = w.rollback(again)
			}
			same(t, "nothing is left", there(), []int{0, 0, 0})
			if first.Steps["keep"].Undo == nil || again.Steps["keep"].Undo != nil {
				t.Errorf("undo of what was reused: %+v and %+v", first.Steps["keep"].Undo, again.Steps["keep"].Undo)
			}
		})
	}
}
