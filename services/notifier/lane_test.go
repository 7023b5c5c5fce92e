package notifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/endpoints"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/webhook"
)

// errDead is what everything answers after the crash.
var errDead = fault.New(fault.BusClosed, "the process was killed", nil)

// stage is a log, a book and a receiver in memory, with a count of what is done to them.
type stage struct {
	mu       sync.Mutex
	messages []*bus.Message
	saved    []byte
	revision uint64
	log      []api.Delivery
	disabled string
	most     int // jobs behind in a saved place
	arrived  []events.Notification
	ids      map[string]string
	answer   func(n events.Notification) error

	// left counts down the steps to the crash; negative means that there is none.
	left int
	kill context.CancelFunc
}

// step is one thing that a kill may come before. It returns errDead after the crash.
func (s *stage) step() error {
	if s.left == 0 {
		s.kill()
		return errDead
	}
	s.left--
	return nil
}

func newStage(jobs, per int) *stage {
	s := &stage{left: -1, kill: func() {}, ids: map[string]string{}}
	for r := 1; r <= per; r++ {
		for j := range jobs {
			rec := events.Record{
				Type: "job.running", Revision: uint64(r),
				Job: events.Job{ID: fmt.Sprintf("job-%d", j), Tenant: "t", Pipeline: events.PipelineRef{Name: "p"}},
			}
			data, _ := json.Marshal(rec)
			s.messages = append(s.messages, &bus.Message{
				Subject: events.EventSubject("t", "p", rec.Job.ID, events.KindJob), Data: data,
				Header: map[string]string{events.HeaderCEType: events.CEType(rec.Type)}, Sequence: uint64(len(s.messages) + 1),
			})
		}
	}
	return s
}

func (s *stage) Scan(ctx context.Context, scan bus.Scan, fn func(*bus.Message) error) error {
	for _, m := range s.messages {
		if m.Sequence < scan.From {
			continue
		}
		if err := fn(m); err != nil {
			return err
		}
	}
	if scan.Follow {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (s *stage) Next(_ context.Context, _, filter string, from uint64) (*bus.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.step(); err != nil {
		return nil, err
	}
	job := strings.Split(filter, ".")[4]
	for _, m := range s.messages {
		if m.Sequence >= from && strings.Contains(m.Subject, "."+job+".") {
			return m, nil
		}
	}
	return nil, fault.New(fault.BusNotFound, "", nil)
}

func (s *stage) Lane(context.Context, string, string, string) (*endpoints.Lane, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saved == nil {
		return nil, 0, nil
	}
	var l endpoints.Lane
	return &l, s.revision, json.Unmarshal(s.saved, &l)
}

func (s *stage) SaveLane(_ context.Context, _, _, _ string, l *endpoints.Lane, revision uint64) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.step(); err != nil {
		return 0, err
	}
	if revision != s.revision {
		return 0, fault.New(fault.BusFenced, "", nil)
	}
	s.most = max(s.most, len(l.Behind))
	s.saved, _ = json.Marshal(l)
	s.revision++
	return s.revision, nil
}

func (s *stage) Log(_ context.Context, _ string, d api.Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.step(); err != nil {
		return err
	}
	s.log = append(s.log, d)
	return nil
}

func (s *stage) Disable(_ context.Context, _, _, _, reason string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disabled = reason
	return nil
}

func (s *stage) EndReplay(context.Context, string, string, string) error { return nil }

// post is the receiver. A kill comes before a request, or between it and its answer.
func (s *stage) post(_ context.Context, _ *webhook.Endpoint, id string, body []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.step() != nil {
		return answer{err: fault.From(context.Canceled)}
	}
	var n events.Notification
	if err := json.Unmarshal(body, &n); err != nil {
		return answer{err: err}
	}
	if old, again := s.ids[n.ID]; again && old != id {
		return answer{err: errors.New("the same event has another id")}
	}
	if s.answer != nil {
		if err := s.answer(n); err != nil {
			return answer{err: err, status: 503}
		}
	}
	s.ids[n.ID] = id
	s.arrived = append(s.arrived, n)
	if s.step() != nil {
		return answer{err: fault.From(context.Canceled)}
	}
	return answer{status: 200}
}

// run sends until everything is settled, the process is killed, or ctx ends.
func (s *stage) run(ctx context.Context, c Config) error {
	c.setDefaults()
	n := &Notifier{Config: c, history: s, book: s}
	l := n.newLane(&webhook.Endpoint{ID: "e", Tenant: "t", Settings: webhook.Settings{URL: "https://dead.example.com/"}}, nil)
	l.post = func(ctx context.Context, e *webhook.Endpoint, id string, body []byte) (a answer) {
		a.err = n.Breakers.Do(ctx, "http:"+e.Host(), func(ctx context.Context) error {
			a = s.post(ctx, e, id, body)
			return a.err
		})
		return a
	}
	return l.run(ctx)
}

// settled reports whether all that was saved is that there is nothing left.
func (s *stage) settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var l endpoints.Lane
	return s.saved != nil && json.Unmarshal(s.saved, &l) == nil &&
		l.Done == uint64(len(s.messages)) && len(l.Behind) == 0
}

// until runs a process until it is so, or it was killed.
func (s *stage) until(t *testing.T, c Config, so func() bool, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.kill = cancel
	done := make(chan error, 1)
	go func() { done <- s.run(ctx, c) }()
	for deadline := time.Now().Add(d); ctx.Err() == nil && !so() && time.Now().Before(deadline); {
		time.Sleep(max(50*time.Millisecond, d/10_000))
	}
	cancel()
	<-done
}

// check holds what arrived against what happened: all of it, and but for repetitions in
// the order of each job.
func (s *stage) check(t *testing.T, what string, jobs, per int) {
	t.Helper()
	next := map[string]uint64{}
	for _, n := range s.arrived {
		switch r := n.Data.Revision; {
		case r == next[n.Data.Job]+1:
			next[n.Data.Job] = r
		case r > next[n.Data.Job]:
			t.Errorf("%s: %s arrives after revision %d", what, n.ID, next[n.Data.Job])
		}
	}
	for j := range jobs {
		if got := next[fmt.Sprintf("job-%d", j)]; got != uint64(per) {
			t.Errorf("%s: job %d has got %d of %d events", what, j, got, per)
		}
	}
}

// TestCrashSweep kills the process before every step that it makes outside of itself:
// reading a record, sending it, hearing the answer, logging it, saving the place.
func TestCrashSweep(t *testing.T) {
	t.Parallel()
	const jobs, per = 3, 3
	repeated := 0
	for at := 0; ; at++ {
		s := newStage(jobs, per)
		failed := false
		s.answer = func(n events.Notification) error {
			if n.ID == "t/job-1/2" && !failed {
				failed = true
				return fault.New(fault.WebhookRefused, "", nil)
			}
			return nil
		}
		synctest.Test(t, func(t *testing.T) {
			s.left = at
			s.until(t, Config{InFlight: 2}, s.settled, time.Hour)
			crashed := s.left == 0
			s.left = -1
			s.until(t, Config{InFlight: 2}, s.settled, time.Hour)
			if s.check(t, fmt.Sprintf("killed at step %d", at), jobs, per); !crashed {
				at = -2 // that was the last
			}
		})
		repeated += len(s.arrived) - jobs*per
		if at < 0 {
			break
		}
	}
	if repeated == 0 {
		t.Error("nothing came twice: the kills cannot have hit")
	}
}

// TestDeadForDays keeps a dead endpoint in bounds, and makes up for everything when it
// is back.
func TestDeadForDays(t *testing.T) {
	t.Parallel()
	const jobs, per = 600, 2
	s := newStage(jobs, per)
	dead, asked := true, 0
	s.answer = func(events.Notification) error {
		if asked++; dead {
			return fault.New(fault.WebhookUnreachable, "", nil)
		}
		return nil
	}
	synctest.Test(t, func(t *testing.T) {
		s.until(t, Config{Behind: 32}, func() bool { return false }, 24*time.Hour)
		// A restart in the middle forgets nothing.
		s.until(t, Config{Behind: 32}, func() bool { return false }, 24*time.Hour)
		if s.most > 32 || asked > 500 || asked < 24 || len(s.arrived) > 0 {
			t.Errorf("%d jobs were behind, and it was asked %d times", s.most, asked)
		}
		dead = false
		s.until(t, Config{Behind: 32}, s.settled, 24*time.Hour)
		s.check(t, "after two days", jobs, per)
		if s.disabled != "" {
			t.Errorf("disabled: %s", s.disabled)
		}
	})
}

// TestDeadForGood gives events up after three days, and the endpoint after five.
func TestDeadForGood(t *testing.T) {
	t.Parallel()
	s := newStage(40, 2)
	s.answer = func(events.Notification) error { return fault.New(fault.WebhookUnreachable, "", nil) }
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s.until(t, Config{}, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.disabled != "" }, 30*24*time.Hour)
		if d := time.Since(began); !strings.Contains(s.disabled, "taken nothing since") || d < 120*time.Hour || d > 123*time.Hour {
			t.Errorf("disabled after %v: %q", d, s.disabled)
		}
		up := slices.IndexFunc(s.log, func(d api.Delivery) bool { return d.Outcome == api.DeliveryGivenUp })
		if up < 0 || s.log[up].Time.Sub(began) < 72*time.Hour || !s.log[up].NextAt.IsZero() {
			t.Errorf("given up: %d of %d", up, len(s.log))
		}
	})
}
