package bus

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// Committer commits messages of many callers. Few at a time go straight to the
// broker. When more wait than the disk can sync one by one in the time that a
// batch takes, they are grouped: group commit, as databases do it. What each
// costs is measured as it goes, so that a fast disk is not slowed by batches and
// a slow one not by singles.
//
// Commit may be called by many at once, while Run runs.
type Committer struct {
	conn  *Conn
	queue chan *pending
	ended chan struct{}

	inFlight atomic.Int64
	batches  atomic.Int64 // started and ended batches; odd while one is under way
	single   lowest
	batch    average
}

// pending is a commit that waits for its group.
type pending struct {
	out  Out
	done chan Committed
}

const (
	// leastGroup is how many commits are never worth a batch.
	leastGroup = 16
	// guessedRatio is how many singles a batch is taken to cost until one has
	// been measured.
	guessedRatio = 40
	// guessedBatch is the least that a batch is taken to cost until then.
	guessedBatch = 10 * time.Millisecond
	// remeasure lets go of a measured batch from time to time: the disk may
	// have become faster, and what is not used is not measured.
	remeasure = 30 * time.Second
)

// NewCommitter returns a committer over a connection.
func NewCommitter(c *Conn) *Committer {
	return &Committer{conn: c, queue: make(chan *pending, maxBatch), ended: make(chan struct{})}
}

// Commit is [Conn.Commit]. Two commits under way at once must not have the same
// fence. When ctx ends first, whether the message is stored is not known, and the
// fault is bus.timeout.
func (g *Committer) Commit(ctx context.Context, o Out) (uint64, error) {
	n := g.inFlight.Add(1)
	defer g.inFlight.Add(-1)
	if n <= g.worth() {
		return g.commitOne(ctx, o, n)
	}
	p := &pending{out: o, done: make(chan Committed, 1)}
	select {
	case g.queue <- p:
	default:
		return g.commitOne(ctx, o, n)
	}
	select {
	case c := <-p.done:
		return c.Sequence, c.Err
	case <-g.ended:
		return g.afterEnd(ctx, p)
	case <-ctx.Done():
		return 0, fault.New(fault.BusTimeout, "wait for a group commit", context.Cause(ctx))
	}
}

// afterEnd finishes a commit that was put into the queue while Run ended: it has
// its result by now, or nobody has touched it.
func (g *Committer) afterEnd(ctx context.Context, p *pending) (uint64, error) {
	select {
	case c := <-p.done:
		return c.Sequence, c.Err
	default:
		return g.conn.Commit(ctx, p.out)
	}
}

// commitOne commits by itself, and learns from it what one costs: the broker
// syncs one after the other, so the time is shared with all that were before.
func (g *Committer) commitOne(ctx context.Context, o Out, n int64) (uint64, error) {
	before := g.batches.Load()
	begin := time.Now()
	seq, err := g.conn.Commit(ctx, o)
	if err == nil && before%2 == 0 && g.batches.Load() == before {
		g.single.add(time.Since(begin) / time.Duration(n))
	}
	return seq, err
}

// worth is how many commits must be in flight for a batch to be cheaper.
func (g *Committer) worth() int64 {
	single := max(g.single.value(), time.Microsecond)
	batch := g.batch.value()
	if batch == 0 || g.batch.age() > remeasure {
		batch = max(guessedBatch, guessedRatio*single)
	}
	return max(leastGroup, int64(batch/single))
}

// Run groups what waits until ctx ends; then it commits the rest and returns.
// It is called once. Commits after that go straight to the broker.
func (g *Committer) Run(ctx context.Context) error {
	defer close(g.ended)
	work := context.WithoutCancel(ctx)
	for {
		select {
		case p := <-g.queue:
			g.commitGroup(work, g.collect(p))
		case <-ctx.Done():
			for len(g.queue) > 0 {
				g.commitGroup(work, g.collect(<-g.queue))
			}
			return nil
		}
	}
}

// collect takes what waits at this moment, up to a whole batch.
func (g *Committer) collect(first *pending) []*pending {
	group := append(make([]*pending, 0, 256), first)
	for len(group) < maxBatch {
		select {
		case p := <-g.queue:
			group = append(group, p)
		default:
			return group
		}
	}
	return group
}

func (g *Committer) commitGroup(ctx context.Context, group []*pending) {
	outs := make([]Out, len(group))
	for i, p := range group {
		outs[i] = p.out
	}
	g.batches.Add(1)
	begin := time.Now()
	results := g.conn.CommitAll(ctx, outs)
	if len(group) > 1 {
		g.batch.add(time.Since(begin))
	}
	g.batches.Add(1)
	for i, p := range group {
		p.done <- results[i]
	}
}

// lowest follows the lowest of many durations: down at once, up slowly. What a
// commit takes on a busy machine says how busy the machine is; the lowest says
// what the disk takes.
type lowest struct{ nanos atomic.Int64 }

func (l *lowest) add(d time.Duration) {
	n, old := max(int64(d), 1), l.nanos.Load()
	if old != 0 && n > old {
		n = old + (n-old)/256
	}
	l.nanos.Store(n)
}

func (l *lowest) value() time.Duration { return time.Duration(l.nanos.Load()) }

// average is a moving average of durations that many may add to.
type average struct {
	nanos atomic.Int64
	at    atomic.Int64
}

func (a *average) add(d time.Duration) {
	old := a.nanos.Load()
	if old != 0 {
		d = (time.Duration(old)*7 + d) / 8
	}
	// Two additions at once may lose one; an average bears that.
	a.nanos.Store(max(int64(d), 1))
	a.at.Store(time.Now().UnixNano())
}

func (a *average) value() time.Duration { return time.Duration(a.nanos.Load()) }

func (a *average) age() time.Duration { return time.Since(time.Unix(0, a.at.Load())) }
