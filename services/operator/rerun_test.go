package operator_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/operator"
)

// reruns counts the jobs of an operation that run others again, by the other.
func (w *world) reruns(op string) map[string]int {
	w.t.Helper()
	counts := map[string]int{}
	err := w.conn.Scan(w.t.Context(), bus.Scan{Stream: events.StreamEvents}, func(m *bus.Message) error {
		var rec events.Record
		if err := json.Unmarshal(m.Data, &rec); err != nil {
			return err
		}
		if r := rec.Job.Rerun; rec.Revision == 1 && r != nil && r.By == "operation/"+op {
			counts[r.Job]++
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return counts
}

func TestRerunInBulk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.submit("a", 20, events.JobCompleted)
	calls := w.server.calls.Load()
	o, _ := w.running(quick())
	filter := api.OperationFilter{States: []events.JobState{events.JobCompleted}}
	dry := w.done(o, w.start(o, api.OperationRequest{Verb: api.OperationRerun, Filter: filter, DryRun: true}).ID)
	same(t, "would be done", dry.Counts.Done, 20)
	if it := w.items(o, dry.ID, api.ItemDone)[0]; it.Detail != "at least 1 of 1 steps are reused" || it.Job != "" {
		t.Errorf("%+v", it)
	}
	same(t, "jobs", w.count(events.JobCompleted), 20)
	op := w.done(o, w.start(o, api.OperationRequest{
		Verb: api.OperationRerun, Filter: filter, Rate: 1000, InFlight: 5, Rerun: &api.RerunOptions{FromStep: "call"},
	}).ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 20, Done: 20})
	same(t, "calls", w.server.calls.Load(), calls+20)
	for job, n := range w.reruns(op.ID) {
		if n != 1 {
			t.Errorf("job %s was run again %d times", job, n)
		}
	}
	items := w.items(o, op.ID, api.ItemDone)
	same(t, "items", len(items), 20)
	for _, it := range items {
		if it.Job != events.JobID(events.DefaultTenant, "operation/"+op.ID+"/"+it.ID) || it.JobState != events.JobCompleted {
			t.Errorf("%+v", it)
		}
	}
	same(t, "of them", len(w.reruns(op.ID)), len(ids))
}

// A runner that is killed in the middle leaves everything to another, and no job is
// run again twice.
func TestAnotherRunnerGoesOnWithReruns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("a", 60, events.JobCompleted)
	o, kill := w.running(quick())
	no := false
	op := w.start(o, api.OperationRequest{
		Verb: api.OperationRerun, Filter: api.OperationFilter{Pipeline: "call"}, Rate: 100, InFlight: 2,
		Rerun: &api.RerunOptions{Reuse: &no},
	})
	w.eventually("some are done", func() bool { return len(w.reruns(op.ID)) > 5 })
	kill()
	if n := len(w.reruns(op.ID)); n == 0 || n == 60 {
		t.Fatalf("killed after %d of 60", n)
	}
	next, _ := w.running(quick())
	op = w.done(next, op.ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 60, Done: 60})
	w.eventually("all are completed", func() bool { return w.count(events.JobCompleted) == 120 })
	for job, n := range w.reruns(op.ID) {
		if n != 1 {
			t.Errorf("job %s was run again %d times", job, n)
		}
	}
}

func TestRerunIsRefusedOneByOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done := w.submit("a", 1, events.JobCompleted)
	w.server.mode.Store(denies)
	live := w.submit("b", 1, events.JobAttention)
	o, _ := w.running(quick())
	op := w.done(o, w.start(o, api.OperationRequest{
		Verb: api.OperationRerun, Filter: api.OperationFilter{IDs: []string{live[0], "nobody", done[0]}},
		Rerun: &api.RerunOptions{FromStep: "cell"},
	}).ID)
	var got []string
	for _, it := range w.items(o, op.ID, api.ItemRefused) {
		got = append(got, it.ID+" "+it.Code)
	}
	same(t, "refused", got, []string{
		live[0] + " job.not_allowed", "nobody job.not_found", done[0] + " rerun.unknown_step",
	})
}

// What the operator finds right may be wrong when the conductor looks at it, whose
// word then is what becomes of the item.
func TestConductorRefusesARerun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.submit("a", 1, events.JobCompleted)
	err := filepath.WalkDir(filepath.Join(w.mill.DataDir, "artifacts"), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".tmp": // with the lock of the store
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		return os.Remove(path)
	})
	if err != nil {
		t.Fatal(err)
	}
	o, _ := w.running(quick())
	op := w.done(o, w.start(o, api.OperationRequest{Verb: api.OperationRerun, Filter: api.OperationFilter{IDs: ids}}).ID)
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 1, Refused: 1})
	if it := w.items(o, op.ID, api.ItemRefused)[0]; it.Code != string(fault.SubmitUnknownArtifact) || it.Detail == "" {
		t.Errorf("%+v", it)
	}
}

func TestRequestForRerunsIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.operator(operator.Config{})
	filter := api.OperationFilter{Pipeline: "call"}
	for name, tc := range map[string]struct {
		request api.OperationRequest
		pointer string
	}{
		"another verb": {api.OperationRequest{Verb: api.OperationRetry, Rerun: &api.RerunOptions{}}, "/rerun"},
		"a version":    {api.OperationRequest{Verb: api.OperationRerun, Rerun: &api.RerunOptions{PipelineVersion: "old"}}, "/rerun/pipeline_version"},
		"a step":       {api.OperationRequest{Verb: api.OperationRerun, Rerun: &api.RerunOptions{FromStep: "A.B"}}, "/rerun/from_step"},
		"parameters":   {api.OperationRequest{Verb: api.OperationRerun, Rerun: &api.RerunOptions{Params: []byte("[]")}}, "/rerun/params"},
	} {
		tc.request.Filter, tc.request.Reason = filter, "x"
		_, _, err := o.Start(t.Context(), events.DefaultTenant, tc.request, "ann", "")
		if !fault.Has(err, fault.OperationInvalid) || !strings.Contains(err.Error(), tc.pointer+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
