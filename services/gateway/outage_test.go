package gateway_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// TestBrokerGoesAway cuts the gateway off from the broker while a job goes on.
func TestBrokerGoesAway(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	proxy := bustest.NewProxy(t, w.Server)
	conn := bustest.ConnectWith(t, bus.Options{
		URL: proxy.URL(), Log: bustest.Log(t), Timeout: 500 * time.Millisecond,
	})
	g, err := gateway.New(gateway.Config{
		Bus: conn, Store: w.Store, Pipelines: w.Pipelines,
		Limits: gateway.Limits{Heartbeat: 300 * time.Millisecond, SubmitTimeout: time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g.Handler())
	defer server.Close()
	defer func() { _ = g.Close() }()

	r := submit(t, w, oneFile)
	s := openStream(t, server.URL+"/v1/jobs/"+r.Job+"/events", "")
	defer s.close()
	same(t, "first", s.next(t).event, "job.accepted")
	proxy.Cut()
	for range 3 {
		w.Conductor.Note(r.Job, 10)
	}
	a := ask(t, "POST", server.URL+"/v1/jobs", strings.NewReader(oneFile), "Content-Type", "application/json")
	if a.StatusCode != 503 && a.StatusCode != 504 {
		t.Errorf("submit without a broker: %d %s", a.StatusCode, a.body)
	}
	ask(t, "GET", server.URL+"/readyz", nil).problem(t, 503, "http.not_ready")
	proxy.Mend()
	for revision := uint64(2); revision <= 4; revision++ {
		same(t, "revision", s.next(t).record(t).Revision, revision)
	}
	w.Conductor.Outcome(r.Job, nil)
	same(t, "last", s.next(t).event, "job.completed")
	same(t, "end", s.next(t).event, "end")
	a = ask(t, "POST", server.URL+"/v1/jobs", strings.NewReader(oneFile), "Content-Type", "application/json")
	var receipt events.Receipt
	a.into(t, 202, &receipt)
}

// TestReadsWhileTheLogIsSilent lets the broker hear nothing of the gateway while it goes
// on announcing: a job is read as it was announced, unless the client wants the log's
// word, and no more once the announcements have ended.
func TestReadsWhileTheLogIsSilent(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	proxy := bustest.NewProxy(t, w.Server)
	conn := bustest.ConnectWith(t, bus.Options{URL: proxy.URL(), Log: bustest.Log(t), Timeout: time.Second})
	g, err := gateway.New(gateway.Config{Bus: conn, Store: w.Store, Pipelines: w.Pipelines})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g.Handler())
	defer server.Close()
	defer func() { _ = g.Close() }()

	read, other := submit(t, w, oneFile).Job, submit(t, w, oneFile).Job
	u := server.URL + "/v1/jobs/" + read
	same(t, "before", ask(t, "GET", u, nil).Header.Get("ETag"), `"1"`)
	proxy.Deafen()
	w.Conductor.Note(read, 10)
	announcing, stop := context.WithCancel(t.Context())
	var announcer sync.WaitGroup
	announcer.Go(func() {
		for announcing.Err() == nil {
			w.Conductor.Note(other, 10)
			time.Sleep(20 * time.Millisecond)
		}
	})
	a := ask(t, "GET", u, nil)
	var j api.Job
	a.into(t, 200, &j)
	same(t, "announced", j.Revision, 2)
	same(t, "its etag", a.Header.Get("ETag"), `"2"`)
	ask(t, "GET", u, nil, "Cache-Control", "no-cache").problem(t, 504, "bus.timeout")
	ask(t, "GET", u, nil, "Millrace-Tenant", "other").problem(t, 504, "bus.timeout")
	stop()
	announcer.Wait()
	for ask(t, "GET", u, nil).StatusCode == 200 {
	}
	ask(t, "GET", u, nil).problem(t, 504, "bus.timeout")
	proxy.Mend()
	for ask(t, "GET", u, nil).StatusCode != 200 {
	}
}
