package notifier

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/pkg/webhook"
)

// Pauses after trouble with the broker.
const (
	firstPause = 50 * time.Millisecond
	longPause  = 2 * time.Second
)

// name is which endpoint.
type name struct{ tenant, id string }

// news is an endpoint as the bucket has it now; nil when it was deleted.
type news struct {
	name
	endpoint *webhook.Endpoint
	revision uint64
}

// Run sends events until ctx ends, and returns its error then. It may be called once.
// ready is closed when it takes tests, or stands by; it may be nil.
func (n *Notifier) Run(ctx context.Context, ready chan<- struct{}) error {
	defer n.client.CloseIdleConnections()
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes := make(chan news)
	wg.Go(func() { n.watch(ctx, changes) })
	var active atomic.Bool
	stop, err := n.serveTests(ctx, &wg, &active)
	if err != nil {
		return err
	}
	defer stop()
	if ready != nil {
		close(ready)
	}
	d := &dispatcher{
		Notifier: n, active: &active, endpoints: make(map[name]news), couriers: make(map[name]*courier),
		lease: &lease{bus: n.Bus, owner: rand.Text(), length: n.Lease},
	}
	d.run(ctx, changes)
	return ctx.Err()
}

// watch hands on every endpoint and every change of one, until ctx ends.
func (n *Notifier) watch(ctx context.Context, out chan<- news) {
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, longPause) {
		began := time.Now()
		err := n.Endpoints.Watch(ctx, func(tenant, id string, e *webhook.Endpoint, revision uint64) {
			select {
			case out <- news{name{tenant, id}, e, revision}:
			case <-ctx.Done():
			}
		})
		if ctx.Err() != nil {
			return
		}
		n.Log.Warn("the endpoints of webhooks cannot be watched", "error", err)
		if time.Since(began) > longPause {
			pause = firstPause
		}
		rest(ctx, pause)
	}
}

// rest waits, at most until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// dispatcher gives each endpoint a courier, while it holds the lease. It is used by one
// goroutine.
type dispatcher struct {
	*Notifier
	lease     *lease
	active    *atomic.Bool
	endpoints map[name]news
	couriers  map[name]*courier
}

func (d *dispatcher) run(ctx context.Context, changes <-chan news) {
	tick := time.NewTicker(d.Lease / 6)
	defer tick.Stop()
	for {
		select {
		case c := <-changes:
			d.hear(ctx, c)
		case <-tick.C:
			d.look(ctx)
		case <-ctx.Done():
			d.stopAll(ctx.Err())
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
			defer cancel()
			d.lease.giveBack(last)
			return
		}
	}
}

// hear takes a change in.
func (d *dispatcher) hear(ctx context.Context, c news) {
	if c.endpoint == nil {
		delete(d.endpoints, c.name)
	} else if old, ok := d.endpoints[c.name]; !ok || c.revision > old.revision {
		d.endpoints[c.name] = c
	}
	if !d.active.Load() {
		d.look(ctx)
		return
	}
	d.serve(ctx, c.name)
}

// look keeps the lease, or tries to get it, as long as there is an endpoint.
func (d *dispatcher) look(ctx context.Context) {
	held := len(d.endpoints) > 0 && d.lease.keep(ctx)
	switch {
	case held && !d.active.Load():
		d.Log.Info("webhooks are sent from here", "endpoints", len(d.endpoints))
		d.active.Store(true)
		for n := range d.endpoints {
			d.serve(ctx, n)
		}
	case !held && d.active.Load():
		d.active.Store(false)
		d.stopAll(errors.New("the lease was lost"))
	}
	if len(d.endpoints) == 0 {
		d.lease.giveBack(ctx)
	}
}

// serve lets the courier of an endpoint know, and makes or ends it.
func (d *dispatcher) serve(ctx context.Context, n name) {
	c, now := d.couriers[n], d.endpoints[n]
	if now.endpoint == nil {
		if c != nil {
			c.update(nil)
			delete(d.couriers, n)
		}
		return
	}
	if c == nil {
		c = d.newCourier(ctx)
		d.couriers[n] = c
	}
	c.update(now.endpoint)
}

// stopAll ends all couriers and waits for them.
func (d *dispatcher) stopAll(why error) {
	for _, c := range d.couriers {
		c.cancel(why)
	}
	for n, c := range d.couriers {
		<-c.done
		delete(d.couriers, n)
	}
}
