package ts_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// failure is what an error of the client says.
type failure struct {
	Code, Class, Hint, Message, Job string
	Retryable                       bool
	Status                          int
	Pointers, Allowed               []string
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// TestClient lets a page do with the client what there is to do, over a line that breaks.
func TestClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []func(*testing.T, *world){
		testSubmit, testRepeat, testUpload, testResume, testSubmitFile, testWatch, testOrders,
		testDecision, testRollback, testLists, testPipelines, testTrouble, testWebhook, testStates,
	} {
		test(t, w)
		same(t, "cuts that did not happen", w.line.left(), 0)
	}
}

func testSubmit(t *testing.T, w *world) {
	got := play[struct {
		First, Second client.Submitted
		Other         failure
	}](w, "submitTwice")
	j, err := w.golang.Job(t.Context(), got.First.Job)
	if err != nil || j.Job.Key != "order-7" {
		t.Fatalf("the job is %+v, %v", j, err)
	}
	same(t, "job", got.Second.Job, got.First.Job)
	same(t, "duplicates", []bool{got.First.Duplicate, got.Second.Duplicate}, []bool{false, true})
	same(t, "key", got.Second.Key, "order-7")
	info := fault.SubmitKeyReused.Info()
	same(t, "what an error says", []any{got.Other.Code, got.Other.Class, got.Other.Hint, got.Other.Status, got.Other.Retryable, got.Other.Job},
		[]any{string(info.Code), string(info.Class), info.Hint, info.Status, false, got.First.Job})

	lost := play[struct {
		Got  client.Submitted
		Keys []string
	}](w, "lostAnswer")
	if len(lost.Keys) != 2 || lost.Keys[0] != lost.Keys[1] || lost.Keys[0] != lost.Got.Key || !lost.Got.Duplicate {
		t.Errorf("after an answer was lost: %+v", lost)
	}
}

func testRepeat(t *testing.T, w *world) {
	const gone = string(fault.ClientUnreachable)
	same(t, "what is repeated", play[map[string]string](w, "notRepeated"), map[string]string{
		"job": gone + " 3", "pause": gone + " 3", "retry": gone + " 1", "pauseAt": gone + " 1", "twice": gone + " 2",
	})
	got := play[struct {
		Code, Server string
		Headers      map[string]string
	}](w, "identity")
	same(t, "who calls", got.Headers, map[string]string{
		"Authorization": "Bearer a-key", "Millrace-Tenant": "acme", "Cache-Control": "max-age=0",
	})
	for _, r := range w.line.requests("GET", "/v1/") {
		if strings.Contains(r.header.Get("Cache-Control"), "no-cache") {
			t.Errorf("the mill must read its log for GET %s", r.path)
		}
	}
	same(t, "the address", strings.ContainsAny(got.Server, "?#"), false)
	same(t, "code", got.Code, string(fault.JobNotFound))
}

func testWatch(t *testing.T, w *world) {
	type watched struct {
		Job     string
		Records []struct {
			ID, Revision uint64
			Type         string
		}
		Last string
	}
	complete := func(got watched) {
		t.Helper()
		n := 0
		for rec, err := range w.golang.Records(t.Context(), got.Job) {
			if err != nil {
				t.Fatal(err)
			}
			if n >= len(got.Records) || got.Records[n].Revision != rec.Revision || got.Records[n].Type != rec.Type {
				t.Fatalf("record %d is %s; the page saw %+v", rec.Revision, rec.Type, got.Records)
			}
			n++
		}
		same(t, "records", len(got.Records), n)
		same(t, "the last event", got.Last, "end")
	}
	w.line.breaks(cut{method: "GET", part: "/events", after: 1, times: 1})
	w.line.breaks(cut{method: "GET", part: "/events", after: 700, times: 1})
	w.line.breaks(cut{method: "GET", part: "/events", after: 2500, times: 1, waits: true})
	before := len(w.line.requests("GET", "/events"))
	got := play[watched](w, "watch")
	complete(got)
	var from []string
	for _, r := range w.line.requests("GET", "/events")[before:] {
		from = append(from, r.header.Get("Last-Event-ID"))
	}
	same(t, "where connections begin", from, []string{"", "", "", strconv.FormatUint(got.Records[0].ID, 10)})
	complete(play[watched](w, "watchSilence"))

	w.line.breaks(cut{method: "GET", part: "/v1/events", after: 700, times: 1})
	w.line.breaks(cut{method: "GET", part: "/v1/events", after: 700, times: 1})
	all := play[struct {
		Events []struct {
			Kind, Type, Event string
			Place             uint64
		}
		Page []uint64
	}](w, "events", got.Job)
	same(t, "the beginning", all.Events[0].Kind, "place")
	var places []uint64
	for _, e := range all.Events[1:] {
		same(t, "the job of an event", e.Event, got.Job)
		places = append(places, e.Place)
	}
	same(t, "places", places, all.Page)
}

func testOrders(t *testing.T, w *world) {
	w.line.breaks(cut{method: "GET", part: "/v1/jobs/", after: 1, times: 3}) // while it waits
	got := play[struct {
		Job, Reason    string
		States         []events.JobState
		Stale, Refused failure
		Reasons        int
	}](w, "orders")
	same(t, "states", got.States, []events.JobState{events.JobPaused, events.JobRunning, events.JobCancelled})
	same(t, "reason", got.Reason, "not needed")
	same(t, "stale", got.Stale.Code, string(fault.JobStaleRevision))
	same(t, "a step that is none", got.Refused.Code, string(fault.JobNotAllowed))
	same(t, "what is allowed instead", slices.Contains(got.Refused.Allowed, "cancel"), true)
	e, err := w.golang.Explain(t.Context(), got.Job)
	if err != nil || got.Reasons < len(e.Reasons) {
		t.Errorf("%d reasons, and later %+v, %v", got.Reasons, e, err)
	}
}

func testDecision(t *testing.T, w *world) {
	got := play[struct {
		Job               string
		Version           bool
		Stale, Bad, Again failure
		Made              *events.DecisionMade
		Ended             events.JobState
	}](w, "decision")
	same(t, "version", got.Version, true)
	same(t, "errors", []string{got.Stale.Code, got.Bad.Code, got.Again.Code},
		[]string{string(fault.DecisionStale), string(fault.DecisionBadChoice), string(fault.DecisionMade)})
	if got.Made == nil || got.Made.Reason != "a new key" || got.Ended != events.JobCompleted {
		t.Errorf("made %+v, the job is %s", got.Made, got.Ended)
	}
}

func testRollback(t *testing.T, w *world) {
	got := play[struct {
		Steps        int
		Other, Stale failure
		State, Again events.JobState
	}](w, "rollback")
	same(t, "errors", []string{got.Other.Code, got.Stale.Code}, []string{string(fault.RollbackStalePlan), string(fault.JobStaleRevision)})
	same(t, "states", []events.JobState{got.State, got.Again}, []events.JobState{events.JobRolledBack, events.JobCompleted})
	same(t, "steps", got.Steps, 1)
}

func testWebhook(t *testing.T, w *world) {
	const secret, id = "whsec_c2VjcmV0IG9mIGEgdGVzdCB0aGF0IGlzIGxvbmc=", "default/job-1/4"
	const body = `{"specversion":"1.0","data":{"event":"job.completed","job":"jöb-1"}}`
	at := time.Unix(1_800_000_000, 0)
	official, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := official.Sign(id, at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	got := play[struct {
		Event, Job string
		Codes      []string
	}](w, "webhook", secret, id, int(at.Unix()), signature, body)
	const no = string(fault.ClientBadSignature)
	same(t, "what is told", got.Event+" "+got.Job, "job.completed jöb-1")
	same(t, "codes", got.Codes, []string{"none", no, no, no, no, no, no, no})
}

// testStates holds the client's final states to the machine's.
func testStates(t *testing.T, w *world) {
	states := play[[]events.JobState](w, "finalStates")
	for _, s := range []events.JobState{
		events.JobAccepted, events.JobRunning, events.JobWaiting, events.JobAttention, events.JobPaused, events.JobCancelling,
		events.JobCompensating, events.JobCompleted, events.JobPartial, events.JobFailed, events.JobCancelled, events.JobRolledBack,
	} {
		same(t, strconv.Quote(string(s))+" is final", slices.Contains(states, s), flow.Final(s))
	}
}
