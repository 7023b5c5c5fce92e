package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// told reads what an event says.
func (e sent) told(t *testing.T) events.Notification {
	t.Helper()
	var n events.Notification
	if err := json.Unmarshal([]byte(e.data), &n); err != nil {
		t.Fatalf("event %+v: %v", e, err)
	}
	if n.Data.Event != e.event {
		t.Errorf("event %s tells %s", e.event, n.Data.Event)
	}
	return n
}

func TestFollowAllJobs(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	before := submit(t, w, oneFile)
	all := openStream(t, w.URL+"/v1/events", "")
	defer all.close()
	ends := openStream(t, w.URL+"/v1/events?types=job.completed", "")
	defer ends.close()
	begin := openStream(t, w.URL+"/v1/events?after=0&job="+before.Job+"&pipeline=keep", "")
	defer begin.close()
	for _, s := range []*sse{all, ends, begin} {
		same(t, "first", s.next(t).event, "place")
	}
	same(t, "from the log", begin.next(t).event, "job.accepted")
	a, b := submit(t, w, oneFile), submit(t, w, oneFile)
	for _, job := range []string{a.Job, b.Job} {
		e := all.next(t)
		same(t, "type and job", []string{e.event, e.told(t).Data.Job}, []string{"job.accepted", job})
	}
	w.Conductor.Outcome(before.Job, nil)
	w.Conductor.Outcome(b.Job, nil)
	same(t, "live", begin.next(t).event, "job.completed")
	for _, job := range []string{before.Job, b.Job} {
		e := ends.next(t)
		n := e.told(t)
		same(t, "end", []string{e.event, n.Data.Job, string(n.Data.State)}, []string{"job.completed", job, "completed"})
		same(t, "beside all others", all.next(t).id, e.id)
	}
}

func TestFollowAllJobsAgain(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	var jobs []string
	for range 5 {
		jobs = append(jobs, submit(t, w, oneFile).Job)
	}
	s := openStream(t, w.URL+"/v1/events?after=2", "1") // the header is newer
	same(t, "place", s.next(t).id, "1")
	var last string
	for _, job := range jobs[1:3] {
		e := s.next(t)
		same(t, "job", e.told(t).Data.Job, job)
		last = e.id
	}
	s.close()
	w.Stop()
	w.Start()
	s = openStream(t, w.URL+"/v1/events", last)
	defer s.close()
	same(t, "place", s.next(t).id, last)
	for _, job := range append(jobs[3:], submit(t, w, oneFile).Job) {
		same(t, "job", s.next(t).told(t).Data.Job, job)
	}
}

// TestPlaceOfAnotherLog is that of a mill that lost its data: the log has not come as
// far yet.
func TestPlaceOfAnotherLog(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	submit(t, w, oneFile)
	s := openStream(t, w.URL+"/v1/events", "4711")
	defer s.close()
	same(t, "place", s.next(t).id, "1")
	r := submit(t, w, oneFile)
	same(t, "job", s.next(t).told(t).Data.Job, r.Job)
}

func TestEventPages(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	page := func(query string) (p api.EventPage) {
		t.Helper()
		ask(t, "GET", w.URL+"/v1/events?"+query, nil).into(t, 200, &p)
		return p
	}
	same(t, "an empty log", page(""), api.EventPage{Events: []api.PlacedEvent{}})
	var jobs []string
	for range 5 {
		jobs = append(jobs, submit(t, w, oneFile).Job)
	}
	w.Conductor.Outcome(jobs[4], nil)
	var got []string
	for after, more := uint64(0), true; more; {
		p := page("types=job.accepted&limit=2&after=" + strconv.FormatUint(after, 10))
		for _, e := range p.Events {
			var n events.Notification
			if err := json.Unmarshal(e.Event, &n); err != nil || e.Place <= after || e.Type != n.Data.Event {
				t.Errorf("event %+v after %d: %v", e, after, err)
			}
			after = e.Place
			got = append(got, n.Data.Job)
		}
		after, more = p.After, p.More
	}
	same(t, "jobs", got, jobs)
	p := page("types=job.completed")
	same(t, "one", []any{len(p.Events), p.Events[0].Place, p.After, p.More}, []any{1, uint64(6), uint64(6), false})
	same(t, "place behind what does not match", page("job="+jobs[0]).After, uint64(6))
	same(t, "nothing more", page("after=6"), api.EventPage{Events: []api.PlacedEvent{}, After: 6})
	var mine api.EventPage
	ask(t, "GET", w.URL+"/v1/events", nil, api.HeaderTenant, "other").into(t, 200, &mine)
	same(t, "of another tenant", len(mine.Events), 0)
	for query, code := range map[string]string{
		"types=job.finished": "webhook.invalid", "pipeline=A.B": "webhook.invalid", "x=1": "http.bad_request",
		"job=*": "http.bad_request", "after=-1": "http.bad_request", "limit=0": "http.bad_request",
		"limit=1001": "http.bad_request", "job=" + strings.Repeat("a,", 51): "http.bad_request", "%zz": "http.bad_request",
	} {
		a := ask(t, "GET", w.URL+"/v1/events?"+query, nil)
		a.problem(t, a.StatusCode, code)
	}
	ask(t, "GET", w.URL+"/v1/events", nil, "Accept", "text/event-stream", "Last-Event-ID", "x").
		problem(t, 400, "http.bad_request")
}

// consumersOf counts what reads a stream just now. What other streams are read for, such
// as those of the buckets that the gateway tidies from its start on, is not counted.
func consumersOf(t *testing.T, w *gatewaytest.World, stream string) int {
	t.Helper()
	info, err := w.Server.Jsz(&server.JSzOptions{Streams: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, account := range info.AccountDetails {
		for _, s := range account.Streams {
			if s.Name == stream {
				return s.State.Consumers
			}
		}
	}
	t.Fatalf("there is no stream %s", stream)
	return 0
}

// TestFollowersShareAConsumer counts what followers cost the broker.
func TestFollowersShareAConsumer(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	none := consumersOf(t, w, events.StreamEvents)
	more := func(want int) func() error {
		return func() error {
			if n := consumersOf(t, w, events.StreamEvents) - none; n != want {
				return fmt.Errorf("%d consumers more, want %d", n, want)
			}
			return nil
		}
	}
	var streams []*sse
	for range 50 {
		s := openStream(t, w.URL+"/v1/events", "")
		defer s.close()
		same(t, "first", s.next(t).event, "place")
		streams = append(streams, s)
	}
	r := submit(t, w, oneFile)
	for _, s := range streams {
		same(t, "job", s.next(t).told(t).Data.Job, r.Job)
	}
	eventually(t, "all follow", more(1))
	for _, s := range streams {
		s.close()
	}
	eventually(t, "nobody follows", more(0))
}

// TestFirehoseOverAnOutage cuts the gateway off from the broker.
func TestFirehoseOverAnOutage(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	proxy := bustest.NewProxy(t, w.Server)
	conn := bustest.ConnectWith(t, bus.Options{URL: proxy.URL(), Log: bustest.Log(t), Timeout: 500 * time.Millisecond})
	g, err := gateway.New(gateway.Config{
		Bus: conn, Store: w.Store, Pipelines: w.Pipelines, Limits: gateway.Limits{Heartbeat: 300 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	door := httptest.NewServer(g.Handler())
	defer door.Close()
	defer func() { _ = g.Close() }()
	s := openStream(t, door.URL+"/v1/events", "")
	defer s.close()
	same(t, "first", s.next(t).event, "place")
	r := submit(t, w, oneFile)
	for i := range 100 {
		switch i {
		case 20, 60:
			proxy.Cut()
		case 30, 70:
			proxy.Mend()
		}
		w.Conductor.Note(r.Job, 10)
	}
	for revision := uint64(1); revision <= 101; revision++ {
		same(t, "revision", s.next(t).told(t).Data.Revision, revision)
	}
	for {
		if e, ok := s.read(t); !ok {
			t.Fatal("the stream has ended")
		} else if e.comment == "alive" {
			return
		}
	}
}
