package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
)

const (
	// logPatience is how long the log may take to say what a job's newest record is,
	// until the one that was announced is good enough.
	logPatience = 5 * time.Millisecond
	// freshFor is how long ago the last announcement may be: what is announced no more
	// is not known. So this is how old an answer can be.
	freshFor = time.Second
	// recentBytes is how much is remembered, in bytes of records.
	recentBytes = 32 << 20
	// recentAge is how long a record is remembered for certain while there is room; it
	// is forgotten within twice that.
	recentAge = 5 * time.Minute
)

// newestRecord returns the newest record of a job, by the log's word. When that is a
// while in coming, because the broker is busy storing, it is the newest one announced:
// never older than one that this gateway has told before, and not older than freshFor.
// Faults: those of [Gateway.lastRecord].
func (g *Gateway) newestRecord(ctx context.Context, tenant, job string) (*bus.Message, error) {
	type answer struct {
		m   *bus.Message
		err error
	}
	said := make(chan answer, 1)
	ctx, stop := context.WithCancel(ctx)
	// Nobody waits for it here: a connection that is busy does not notice the end of ctx
	// at once.
	g.reads.run(func() {
		m, err := g.lastRecord(ctx, tenant, job)
		said <- answer{m, err}
	})
	defer stop()
	patience := time.NewTimer(logPatience)
	defer patience.Stop()
	select {
	case a := <-said:
		return a.m, a.err
	case <-patience.C:
	}
	if m := g.recent.newest(tenant, job, time.Now()); m != nil {
		return m, nil
	}
	a := <-said
	return a.m, a.err
}

// recent remembers the newest record of each job to which something has happened
// lately, as the broker announces it. Announcements may be lost; one that does not
// follow on the last says so, and then everything is forgotten.
// It may be used by many at once.
type recent struct {
	stop func() // ends the listening; it may be called again

	mu    sync.Mutex
	place uint64 // of the last record announced
	heard time.Time
	// What is changed goes into young. When that is full or old enough, it becomes old,
	// and what was old is forgotten.
	young, old generation
}

// generation is what was learned in a stretch of time.
type generation struct {
	records map[jobAt]*bus.Message
	bytes   int
	since   time.Time
}

// jobAt is a job and whose it is.
type jobAt struct{ tenant, job string }

// newRecent listens on b. Faults: those of the bus.
func newRecent(b *bus.Conn) (*recent, error) {
	var r recent
	var err error
	r.stop, err = b.Subscribe(events.AllLive, func(m *bus.Message) {
		if revisionOf(m) != 0 { // or it is no record
			r.hear(m, time.Now())
		}
	})
	return &r, err
}

// aboutJob returns the job of a record that was read or announced.
func aboutJob(m *bus.Message) (at jobAt, ok bool) {
	if t, ok := events.Tokens(m.Subject, "events", 4); ok {
		return jobAt{t[0], t[2]}, true
	}
	if t, ok := events.Tokens(m.Subject, "live", 3); ok {
		return jobAt{t[0], t[1]}, true
	}
	return at, false
}

// hear takes an announcement.
func (r *recent) hear(m *bus.Message, now time.Time) {
	at, ok := aboutJob(m)
	if !ok || m.Stream != events.StreamEvents || m.Sequence == 0 {
		return // somebody else publishes here
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.Sequence != r.place+1 {
		r.young, r.old = generation{}, generation{}
	}
	r.place, r.heard = m.Sequence, now
	r.keep(at, m, now)
}

// learn takes a record that was read, so that nobody is told of an older one after it.
// One that is not ahead of what was announced says nothing: there may be newer ones.
func (r *recent) learn(m *bus.Message, now time.Time) {
	at, ok := aboutJob(m)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.Sequence > r.place {
		r.keep(at, m, now)
	}
}

// newest returns the newest record of a job, or nil when that is not known.
func (r *recent) newest(tenant, job string, now time.Time) *bus.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.heard) > freshFor {
		return nil
	}
	return r.find(jobAt{tenant, job})
}

func (r *recent) find(at jobAt) *bus.Message {
	if m := r.young.records[at]; m != nil {
		return m
	}
	return r.old.records[at]
}

// keep puts a record into the young generation, unless a newer one was learned of that is
// not announced yet. The caller holds mu.
func (r *recent) keep(at jobAt, m *bus.Message, now time.Time) {
	if known := r.find(at); known != nil && known.Sequence > m.Sequence {
		return
	}
	if r.young.bytes+len(m.Data) > recentBytes/2 || now.Sub(r.young.since) > recentAge {
		r.old = r.young
		r.young = generation{records: make(map[jobAt]*bus.Message), since: now}
	}
	if before := r.young.records[at]; before != nil {
		r.young.bytes -= len(before.Data)
	}
	r.young.records[at] = m
	r.young.bytes += len(m.Data)
}
