package projector

import (
	"maps"
	"sort"

	"github.com/millrace/millrace/events"
)

// key names a job.
type key struct{ tenant, job string }

// change is what the view learns from a record.
type change struct {
	key                key
	pipeline           string
	state              events.JobState
	revision, sequence uint64
}

// entry is what the view holds of a job.
type entry struct {
	key      key
	pipeline string
	state    events.JobState
	// first is the sequence of the first record that was seen: the order of the
	// view, and the place that a cursor names. revision is that of the last.
	first, revision uint64
	// labels are hashes of the job's labels, once somebody has asked for them.
	labels labelSet
	// gone is true when the job has passed its retention.
	gone bool
}

// view holds the newest jobs in the order in which they came. It is not safe for
// concurrent use.
type view struct {
	limit    int
	sequence uint64 // of the last record folded in
	byKey    map[key]*entry
	order    ring // by first, the oldest first
	counts   map[string]map[events.JobState]int
}

func newView(limit int) *view {
	return &view{
		limit: limit, byKey: make(map[key]*entry),
		counts: make(map[string]map[events.JobState]int),
	}
}

// fold applies a record. A record that is older than what is known changes nothing.
func (v *view) fold(c change) {
	e := v.byKey[c.key]
	if e == nil {
		// When the view is full, a job that is not new is one that was dropped.
		if c.revision > 1 && v.order.len() >= v.limit {
			return
		}
		e = &entry{key: c.key, pipeline: intern(v, c.pipeline), first: c.sequence}
		v.byKey[c.key] = e
		v.order.push(e)
		v.shrink()
	} else {
		if c.revision <= e.revision {
			return
		}
		v.add(e, -1)
	}
	e.state, e.revision = c.state, c.revision
	v.add(e, 1)
}

// shrink drops the oldest jobs of a view that is too large, and on the way those
// that are gone.
func (v *view) shrink() {
	for v.order.len() > 0 {
		oldest := v.order.at(0)
		if !oldest.gone && v.order.len() <= v.limit {
			return
		}
		v.order.popFront()
		v.forget(oldest)
	}
}

// forget takes a job out of the index and the counts. It keeps its place in the
// order until it is the oldest.
func (v *view) forget(e *entry) {
	if v.byKey[e.key] != e {
		return
	}
	delete(v.byKey, e.key)
	v.add(e, -1)
	e.gone = true
}

func (v *view) add(e *entry, n int) {
	if e.state == "" {
		return
	}
	by := v.counts[e.key.tenant]
	if by == nil {
		by = make(map[events.JobState]int)
		v.counts[e.key.tenant] = by
	}
	if by[e.state] += n; by[e.state] == 0 {
		delete(by, e.state)
	}
	if len(by) == 0 {
		delete(v.counts, e.key.tenant)
	}
}

func (v *view) count(tenant string) map[events.JobState]int {
	counts := maps.Clone(v.counts[tenant])
	if counts == nil {
		counts = make(map[events.JobState]int)
	}
	return counts
}

// before returns how many jobs of the order came before a sequence.
func (v *view) before(first uint64) int {
	return sort.Search(v.order.len(), func(i int) bool { return v.order.at(i).first >= first })
}

// intern returns a pipeline's name that shares its memory with the newest job's.
func intern(v *view, name string) string {
	if n := v.order.len(); n > 0 && v.order.at(n-1).pipeline == name {
		return v.order.at(n - 1).pipeline
	}
	return name
}

// ring is a queue of entries that can be read at any position.
type ring struct {
	slots []*entry
	head  int
	count int
}

func (r *ring) len() int { return r.count }

func (r *ring) at(i int) *entry { return r.slots[(r.head+i)%len(r.slots)] }

func (r *ring) push(e *entry) {
	if r.count == len(r.slots) {
		grown := make([]*entry, max(64, 2*len(r.slots)))
		for i := range r.count {
			grown[i] = r.at(i)
		}
		r.slots, r.head = grown, 0
	}
	r.slots[(r.head+r.count)%len(r.slots)] = e
	r.count++
}

func (r *ring) popFront() {
	r.slots[r.head] = nil
	r.head = (r.head + 1) % len(r.slots)
	r.count--
}
