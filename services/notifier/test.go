package notifier

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/webhook"
)

// testers is how many tests of endpoints run at once. As many may wait; more are not
// answered.
const testers = 4

// serveTests answers those who ask on core NATS for a test of an endpoint, as long as
// this process is the one that sends. The answer is an [api.Delivery]. It ends with ctx;
// wg waits for it, and stop ends the asking.
func (n *Notifier) serveTests(ctx context.Context, wg *sync.WaitGroup, active *atomic.Bool) (stop func(), err error) {
	asked := make(chan *bus.Message, testers)
	for range testers {
		wg.Go(func() {
			for {
				select {
				case m := <-asked:
					tokens, _ := events.Tokens(m.Subject, "hooktest", 2)
					n.test(ctx, tokens[0], tokens[1], m.Reply)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	return n.Bus.Subscribe(events.AllHookTests, func(m *bus.Message) {
		_, ok := events.Tokens(m.Subject, "hooktest", 2)
		if !ok || m.Reply == "" || !active.Load() {
			return
		}
		select {
		case asked <- m:
		default:
		}
	})
}

// test sends an event that is none to an endpoint, and answers what came of it.
func (n *Notifier) test(ctx context.Context, tenant, id, reply string) {
	e, _, err := n.Endpoints.Get(ctx, tenant, id)
	if err != nil {
		n.Log.Warn("an endpoint cannot be tested", "webhook", id, "tenant", tenant, "error", err)
		return
	}
	began := time.Now()
	one := webhook.Test(tenant, rand.Text(), began)
	msg, body, err := message(one, id)
	if err != nil {
		return
	}
	a := n.post(ctx, e, msg, body)
	d := delivery(id, msg, &one, a)
	d.Attempt, d.Time = 1, began.UTC()
	if a.err != nil {
		d.Outcome = api.DeliveryGivenUp
	}
	if err := n.Endpoints.Log(ctx, tenant, d); err != nil {
		n.Log.Warn("a delivery cannot be logged", "message", msg, "error", err)
	}
	data, err := json.Marshal(d)
	if err != nil {
		return
	}
	if err := n.Bus.Send(reply, nil, data); err != nil {
		n.Log.Warn("the answer to a test cannot be sent", "webhook", id, "error", err)
	}
}
