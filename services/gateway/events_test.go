package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// sse is an open stream of events.
type sse struct {
	cancel context.CancelFunc
	resp   *http.Response
	r      *bufio.Reader
}

// sent is one event, or a comment.
type sent struct{ id, event, data, comment string }

func openStream(t *testing.T, url, after string) *sse {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hanging)
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	if after != "" {
		req.Header.Set("Last-Event-ID", after)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("status %d, %v", resp.StatusCode, resp.Header)
	}
	return &sse{cancel, resp, bufio.NewReader(resp.Body)}
}

func (s *sse) close() {
	s.cancel()
	_ = s.resp.Body.Close()
}

// read returns what comes next, and false at the end of the stream.
func (s *sse) read(t *testing.T) (sent, bool) {
	t.Helper()
	var e sent
	for {
		line, err := s.r.ReadString('\n')
		if err == io.EOF && line == "" {
			return e, false
		}
		if err != nil {
			t.Fatalf("read the stream: %v", err)
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			e.id = value
		case "event":
			e.event = value
		case "data":
			e.data += value
		case "":
			if value != "" {
				e.comment = value
				continue
			}
			if e != (sent{}) {
				return e, true
			}
		}
	}
}

// next returns the next event that is no comment.
func (s *sse) next(t *testing.T) sent {
	t.Helper()
	for {
		e, ok := s.read(t)
		if !ok {
			t.Fatal("the stream has ended")
		}
		if e.comment == "" {
			return e
		}
	}
}

func (e sent) record(t *testing.T) events.Record {
	t.Helper()
	var r events.Record
	if err := json.Unmarshal([]byte(e.data), &r); err != nil {
		t.Fatalf("event %+v: %v", e, err)
	}
	if r.Type != e.event {
		t.Errorf("event %s holds a %s", e.event, r.Type)
	}
	return r
}

func TestHistory(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	r := submit(t, w, oneFile)
	w.Conductor.Note(r.Job, 100_000)
	w.Conductor.Outcome(r.Job, nil)
	var records []events.Record
	ask(t, "GET", w.URL+"/v1/jobs/"+r.Job+"/events", nil).into(t, 200, &records)
	same(t, "records", len(records), 3)
	for i, rec := range records {
		same(t, "revision", rec.Revision, uint64(i+1))
	}
	same(t, "last", records[2].Type, "job.completed")
}

func TestStreamEndsWithTheJob(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	r := submit(t, w, oneFile)
	s := openStream(t, w.URL+"/v1/jobs/"+r.Job+"/events", "")
	defer s.close()
	first := s.next(t)
	same(t, "first", first.record(t).Type, "job.accepted")
	progress(t, w, r.Job, 5)
	e := s.next(t)
	same(t, "progress", []string{e.event, e.id}, []string{"progress", ""})
	var p events.Progress
	if err := json.Unmarshal([]byte(e.data), &p); err != nil || p.Done != 5 {
		t.Errorf("progress %q %v", e.data, err)
	}
	w.Conductor.Outcome(r.Job, nil)
	last := s.next(t)
	same(t, "last", last.record(t).Type, "job.completed")
	end := s.next(t)
	same(t, "end", []string{end.id, end.event, end.data}, []string{"", "end", `{"state":"completed","revision":2}`})
	if e, more := s.read(t); more {
		t.Errorf("after the end: %+v", e)
	}

	// Once more, resumed at every place.
	for after, want := range map[string][]string{
		"": {"job.accepted", "job.completed", "end"}, first.id: {"job.completed", "end"}, last.id: {"end"},
	} {
		s := openStream(t, w.URL+"/v1/jobs/"+r.Job+"/events", after)
		var got []string
		for e, more := s.read(t); more; e, more = s.read(t) {
			got = append(got, e.event)
		}
		s.close()
		same(t, "after "+after, got, want)
	}
	for _, bad := range []string{"x", "-1", "1.5", "99999999999999999999"} {
		a := ask(t, "GET", w.URL+"/v1/jobs/"+r.Job+"/events", nil, "Accept", "text/event-stream", "Last-Event-ID", bad)
		a.problem(t, 400, "http.bad_request")
	}
}

func progress(t *testing.T, w *gatewaytest.World, job string, done int64) {
	t.Helper()
	data, err := json.Marshal(events.Progress{Job: job, Step: "keep", Attempt: 1, Done: done})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Conn.Send(events.ProgressSubject("default", job, "keep"), nil, data); err != nil {
		t.Fatal(err)
	}
}

// TestStreamHasNoGapAndNoRepetition follows a job that changes all the time, over
// connections that break and a gateway that restarts.
func TestStreamHasNoGapAndNoRepetition(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	r := submit(t, w, oneFile)
	const changes = 300
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range changes {
			w.Conductor.Note(r.Job, 10+i*20)
		}
		w.Conductor.Outcome(r.Job, nil)
	}()
	next, after, rounds := uint64(1), "", 0
	for ended := false; !ended; rounds++ {
		s := openStream(t, w.URL+"/v1/jobs/"+r.Job+"/events", after)
		for n := 0; n < 40 && !ended; n++ {
			e := s.next(t)
			if e.event == "end" {
				ended = true
				break
			}
			rec := e.record(t)
			if rec.Revision != next {
				t.Fatalf("revision %d, want %d", rec.Revision, next)
			}
			next, after = next+1, e.id
		}
		s.close()
		if rounds == 2 {
			w.Stop()
			w.Start()
		}
	}
	<-done
	same(t, "last revision", next-1, uint64(changes+2))
}

// TestStreamFindsWhatTheLiveSubjectLost forges live messages: one from the future,
// one from the past, and one that is no record.
func TestStreamFindsWhatTheLiveSubjectLost(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{Heartbeat: 300 * time.Millisecond}})
	r := submit(t, w, oneFile)
	s := openStream(t, w.URL+"/v1/jobs/"+r.Job+"/events", "")
	defer s.close()
	first := s.next(t)
	live := events.LiveSubject("default", r.Job, events.KindStep)
	for _, h := range []map[string]string{
		nil,
		{"Nats-Sequence": first.id, events.HeaderRevision: "1"},
		{"Nats-Sequence": "999999", events.HeaderRevision: "99"},
		{"Nats-Sequence": "nonsense"},
	} {
		if err := w.Conn.Send(live, h, []byte(`{"type":"forged"}`)); err != nil {
			t.Fatal(err)
		}
	}
	w.Conductor.Note(r.Job, 10)
	for _, want := range []string{"step.noted", "job.completed"} {
		if e := s.next(t); e.event != want {
			t.Fatalf("event %+v, want %s", e, want)
		}
		w.Conductor.Outcome(r.Job, nil)
	}
}

func TestQuietStreamHasAHeartbeat(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{Heartbeat: 60 * time.Millisecond}})
	r := submit(t, w, oneFile)
	s := openStream(t, w.URL+"/v1/jobs/"+r.Job+"/events", "")
	defer s.close()
	s.next(t)
	for range 3 {
		if e, ok := s.read(t); !ok || e.comment != "alive" {
			t.Fatalf("%+v %v", e, ok)
		}
	}
}

func TestStopEndsStreams(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	r := submit(t, w, oneFile)
	s := openStream(t, w.URL+"/v1/jobs/"+r.Job+"/events", "")
	defer s.close()
	s.next(t)
	w.Stop()
	if e, more := s.read(t); more {
		t.Errorf("after the stop: %+v", e)
	}
}

// TestSlowFollowerIsCutOff opens a stream and does not read it, while the job has
// much to tell.
func TestSlowFollowerIsCutOff(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{
		RateWindow: 200 * time.Millisecond, Followers: 1,
	}})
	r := submit(t, w, oneFile)
	for range 20 {
		w.Conductor.Note(r.Job, 400_000)
	}
	_ = dial(t, w, "GET /v1/jobs/"+r.Job+"/events HTTP/1.1\nHost: localhost\nAccept: text/event-stream\n\n")
	// The only place for a follower becomes free when the other one is cut off.
	deadline := time.Now().Add(20 * time.Second)
	for {
		a := ask(t, "GET", w.URL+"/v1/jobs/"+r.Job, nil, "If-None-Match", "\"21\"", "Prefer", "wait=1")
		if a.StatusCode == 304 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the follower is still there: %d %s", a.StatusCode, a.body[:min(len(a.body), 200)])
		}
	}
}

func TestStreamOfAPrettyRecord(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	// Written by another hand: indented, and without the headers.
	rec := events.Record{Type: "job.completed", Revision: 1, Job: events.Job{
		ID: "byhand", State: events.JobCompleted, Files: []events.Source{}, Steps: map[string]events.Step{},
	}}
	data, err := json.MarshalIndent(rec, "", "\r\n  ")
	if err != nil {
		t.Fatal(err)
	}
	seq, err := w.Conn.Commit(t.Context(), bus.Out{
		Subject: events.EventSubject("default", "keep", "byhand", events.KindJob), ID: "x", Data: data,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := openStream(t, w.URL+"/v1/jobs/byhand/events", "")
	defer s.close()
	e := s.next(t)
	same(t, "id", e.id, strconv.FormatUint(seq, 10))
	same(t, "record", e.record(t).Job.ID, "byhand")
	same(t, "end", s.next(t).event, "end")
	var j api.Job
	a := ask(t, "GET", w.URL+"/v1/jobs/byhand", nil)
	a.into(t, 200, &j)
	same(t, "etag", a.Header.Get("ETag"), `"1"`)
}
