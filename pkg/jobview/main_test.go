package jobview

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/deploy/pgtest"
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
)

var postgres pgtest.Shared

func TestMain(m *testing.M) {
	if dir := os.Getenv(mortalDir); dir != "" {
		mortal(dir)
	}
	os.Exit(postgres.Main(m))
}

// onBoth runs a test on an empty view of each database.
func onBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, place()))
		})
	}
}

// places are makers of empty places, by the name of the database.
func places(t *testing.T) map[string]func() string {
	return map[string]func() string{
		"sqlite":   t.TempDir,
		"postgres": func() string { return postgres.URL(t) },
	}
}

// epoch is when the logs of these tests begin.
var epoch = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// world is a view, and a log of which it was told.
type world struct {
	t        *testing.T
	place    string
	store    Store
	view     *View
	sequence uint64
	clock    time.Time
	revision map[string]uint64
	first    map[string]time.Time // when each job was accepted
}

func newWorld(t *testing.T, place string) *world {
	t.Helper()
	w := &world{
		t: t, place: place, clock: epoch, revision: map[string]uint64{}, first: map[string]time.Time{},
	}
	var err error
	if w.store, err = Open(place); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.ok(w.store.Close()) })
	w.ok(w.store.Create(t.Context(), 1, "log"))
	w.ok(w.store.Serve(t.Context(), 1))
	w.view = w.open(1)
	return w
}

func (w *world) open(generation int64) *View {
	w.t.Helper()
	v, err := w.store.Open(w.t.Context(), generation)
	w.ok(err)
	w.t.Cleanup(func() { w.ok(v.Close()) })
	return v
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// job describes a record.
type job struct {
	tenant, pipeline, id string
	state                events.JobState
	labels               map[string]string
	key                  string
	files                []string
	fault                *events.Fault
	steps                map[string]events.Step
	outcome              *events.AttemptOutcome
	accepted             time.Time // when it is not when the job was first seen
}

// entry makes the next record of a job, a second after the one before.
func (w *world) entry(j job) Entry {
	if j.tenant == "" {
		j.tenant = events.DefaultTenant
	}
	if j.pipeline == "" {
		j.pipeline = "p"
	}
	if j.state == "" {
		j.state = events.JobAccepted
	}
	w.sequence++
	w.clock = w.clock.Add(time.Second)
	name := j.tenant + "/" + j.id
	w.revision[name]++
	e := Entry{Sequence: w.sequence, Tenant: j.tenant, Pipeline: j.pipeline, Job: j.id, Record: events.Record{
		Type: "x", Revision: w.revision[name], Time: w.clock, Job: events.Job{
			ID: j.id, Tenant: j.tenant, State: j.state, Labels: j.labels, Key: j.key, Fault: j.fault,
			Pipeline: events.PipelineRef{Name: j.pipeline}, Steps: j.steps, AcceptedAt: w.accepted(name, j.accepted),
		}, Input: events.Input{Outcome: j.outcome},
	}}
	for _, f := range j.files {
		e.Record.Job.Files = append(e.Record.Job.Files, events.Source{Name: f})
	}
	if _, final := finals[j.state]; final {
		e.Record.Job.FinishedAt = w.clock
	}
	return e
}

var finals = map[events.JobState]bool{
	events.JobCompleted: true, events.JobPartial: true, events.JobFailed: true,
	events.JobCancelled: true, events.JobRolledBack: true,
}

// accepted is when a job was first seen.
func (w *world) accepted(name string, at time.Time) time.Time {
	if at.IsZero() {
		at = w.clock
	}
	if w.revision[name] > 1 {
		return w.first[name]
	}
	w.first[name] = at
	return at
}

// apply takes entries into the view in one batch.
func (w *world) apply(entries ...Entry) {
	w.t.Helper()
	w.ok(w.view.Apply(w.t.Context(), w.step(), entries))
}

// step leads from where the view is to the end of the log.
func (w *world) step() Step {
	w.t.Helper()
	at, _, err := w.view.Position(w.t.Context())
	w.ok(err)
	return Step{From: at, To: w.sequence, Stored: w.clock}
}

// write takes records into the view in one batch.
func (w *world) write(jobs ...job) {
	w.t.Helper()
	var entries []Entry
	for _, j := range jobs {
		entries = append(entries, w.entry(j))
	}
	w.apply(entries...)
}

func (w *world) list(tenant string, q api.JobQuery) api.JobPage {
	w.t.Helper()
	page, err := w.view.List(w.t.Context(), tenant, q)
	w.ok(err)
	return page
}

// all are the ids of a query, page by page.
func (w *world) all(tenant string, q api.JobQuery) (list []string) {
	w.t.Helper()
	for {
		page := w.list(tenant, q)
		list = append(list, ids(page)...)
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			return list
		}
	}
}

func ids(p api.JobPage) []string {
	var out []string
	for _, j := range p.Jobs {
		out = append(out, j.ID)
	}
	return out
}

func (w *world) digest(v *View) string {
	w.t.Helper()
	d, err := v.Digest(w.t.Context())
	w.ok(err)
	return d
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// numbered are ids from first to last, or backwards.
func numbered(first, last int) (list []string) {
	for i := first; ; {
		list = append(list, fmt.Sprintf("j%d", i))
		switch {
		case i == last:
			return list
		case i < last:
			i++
		default:
			i--
		}
	}
}
