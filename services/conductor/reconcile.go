package conductor

import (
	"context"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/flow"
)

// settled is how old a record must be before a regular comparison misses its due
// work: a younger one may belong to a conductor that is publishing it at this
// moment. After a start or a loss no age is asked for; work that is published
// twice answers twice, and the second answer changes nothing.
const settled = 2 * time.Second

// Reconcile compares every live job with the queue until ctx ends: at the start
// and after every call of [Conductor.Nudge], then again soon and ever later, up to
// the regular interval. Work, timers and undos that are nowhere, or where no
// consumer will ever find them, are published again.
func (c *Conductor) Reconcile(ctx context.Context) error {
	age, pause := time.Duration(0), settled
	for {
		n, err := c.reconcileOnce(ctx, age)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			c.Log.Warn("reconcile", "error", err)
		default:
			age = settled
		}
		if n > 0 {
			c.Meter.Republished(n)
			c.Log.Info("lost work published again", "count", n)
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-t.C:
			pause = min(2*pause, c.ReconcileEvery)
		case <-c.nudge:
			c.jobs.forget()
			age, pause = 0, settled
		}
		t.Stop()
	}
}

// Nudge asks for a comparison soon, because the broker may have lost derived
// messages: it was restarted, or its streams were made anew. It never blocks.
func (c *Conductor) Nudge() {
	select {
	case c.nudge <- struct{}{}:
	default:
	}
}

// reconcileOnce repairs what jobs without a record younger than age are missing
// and returns how many messages it published.
func (c *Conductor) reconcileOnce(ctx context.Context, age time.Duration) (int, error) {
	live := make(map[jobKey]time.Time)
	err := c.Broker.Scan(ctx, bus.Scan{
		Stream: events.StreamEvents, Filters: []string{events.AllEvents},
		LastPerSubject: true, HeadersOnly: true,
	}, func(m *bus.Message) error {
		t, ok := events.Tokens(m.Subject, "events", 4)
		if !ok {
			return nil
		}
		// In stream order, so that the newest record of a job has the last word.
		k := jobKey{t[0], t[2]}
		if flow.Final(events.JobState(m.Header[events.HeaderState])) {
			delete(live, k)
		} else {
			live[k] = m.Time
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	total, look := 0, newSurvey(c.Broker)
	for k, at := range live {
		if time.Since(at) < age {
			continue
		}
		n, err := c.reconcileJob(ctx, k, look)
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

// reconcileJob publishes what is due for a job and nowhere to be found.
func (c *Conductor) reconcileJob(ctx context.Context, k jobKey, look *survey) (int, error) {
	e := c.jobs.lock(k)
	e.known = false
	n, err := c.repair(ctx, e, look)
	c.jobs.unlock(e, err == nil && e.known && !flow.Final(e.job.State))
	return n, err
}

func (c *Conductor) repair(ctx context.Context, e *entry, look *survey) (int, error) {
	if err := c.read(ctx, e); err != nil || e.revision == 0 || flow.Final(e.job.State) {
		return 0, err
	}
	p, err := c.plan(ctx, e, nil)
	if err != nil {
		return 0, err
	}
	var lost []events.DueItem
	for _, d := range flow.Outstanding(p, e.job) {
		found, err := look.finds(ctx, e, d)
		if err != nil {
			return 0, err
		}
		if !found {
			lost = append(lost, d)
		}
	}
	if len(lost) == 0 {
		return 0, nil
	}
	// The work may have been answered, and the answer applied by another
	// conductor, between the looks into queue and outcomes: then the record moved.
	before := e.revision
	if err := c.read(ctx, e); err != nil || e.revision != before {
		return 0, err
	}
	how := issue{again: true, repair: int(time.Now().UnixMilli())}
	return len(lost), c.publishDue(ctx, e, p, lost, how)
}
