package operator

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/api"
)

// Pauses after trouble with the broker.
const (
	firstPause = 50 * time.Millisecond
	longPause  = 2 * time.Second
)

// news is an operation as the bucket has it now.
type news struct {
	head     *head
	revision uint64
}

// local is an operation that this process knows to run.
type local struct {
	news
	seen sight
	// runner is not nil while this process carries it out.
	runner *runner
}

// Run carries operations out until ctx ends, and returns its error then. It may be
// called once. Several processes share the operations; those of one that died go on
// in another when their lease has run out.
func (o *Operator) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	heads := make(chan news)
	wg.Go(func() {
		o.persist(ctx, "operations", func() error {
			return o.store.watch(ctx, func(h *head, revision uint64) {
				select {
				case heads <- news{h, revision}:
				case <-ctx.Done():
				}
			})
		})
	})
	wg.Go(func() {
		o.persist(ctx, "breakers", func() error { return o.board.watch(ctx, o.Bus) })
	})
	d := &dispatcher{o: o, owner: rand.Text(), all: make(map[name]*local), ended: make(chan *runner)}
	d.run(ctx, &wg, heads)
	return ctx.Err()
}

// persist calls watch until ctx ends.
func (o *Operator) persist(ctx context.Context, what string, watch func() error) {
	pause := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		err := watch()
		if ctx.Err() != nil {
			return
		}
		o.Log.Warn("a bucket cannot be watched", "bucket", what, "error", err)
		if time.Since(began) > longPause {
			pause = firstPause
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, longPause)
	}
}

// dispatcher gives each operation that runs a runner, when its lease is to be had.
type dispatcher struct {
	o     *Operator
	owner string
	all   map[name]*local
	ended chan *runner
}

func (d *dispatcher) run(ctx context.Context, wg *sync.WaitGroup, heads <-chan news) {
	tick := time.NewTicker(d.o.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case n := <-heads:
			d.hear(ctx, wg, n)
		case r := <-d.ended:
			if l := d.all[r.name]; l != nil && l.runner == r {
				l.runner = nil
			}
		case <-tick.C:
			for _, l := range d.all {
				d.take(ctx, wg, l)
			}
		case <-ctx.Done():
			d.drain()
			return
		}
	}
}

// hear takes a change in.
func (d *dispatcher) hear(ctx context.Context, wg *sync.WaitGroup, n news) {
	key := n.head.name()
	l := d.all[key]
	if l == nil {
		if n.head.State != api.OperationRunning {
			return
		}
		l = &local{}
		d.all[key] = l
	}
	if n.revision < l.revision {
		return
	}
	l.news = n
	if l.runner != nil {
		l.runner.changed(n)
		return
	}
	d.take(ctx, wg, l)
}

// take begins to carry an operation out, if nobody does.
func (d *dispatcher) take(ctx context.Context, wg *sync.WaitGroup, l *local) {
	key := l.head.name()
	if l.runner != nil {
		return
	}
	if l.head.State != api.OperationRunning {
		delete(d.all, key)
		return
	}
	lease, err := d.o.claim(ctx, key, d.owner, &l.seen)
	if err != nil && ctx.Err() == nil {
		d.o.Log.Warn("an operation cannot be claimed", "operation", key.id, "error", err)
	}
	if lease == nil {
		return
	}
	r := newRunner(d.o, l.news, lease)
	l.runner = r
	wg.Go(func() {
		r.run(ctx)
		select {
		case d.ended <- r:
		case <-ctx.Done():
		}
	})
}

// drain lets runners end whose end nobody waits for any more.
func (d *dispatcher) drain() {
	// They end with the context, and do not wait for this one to hear of it.
	clear(d.all)
}
