package operator

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// Settings of a runner.
const (
	// flushEvery is how old a result may be that is not stored.
	flushEvery = 500 * time.Millisecond
	// lastWord is how long a runner that must end may take to store what it knows.
	lastWord = 2 * time.Second
)

// runner carries one operation out, while it holds the lease. All but changed is for
// one goroutine.
type runner struct {
	*Operator
	name  name
	lease *lease
	log   *slog.Logger

	mu   sync.Mutex
	news news

	head    *head
	ledger  *ledger
	next    int // the first item that may still be pending
	flights map[int]*flight
	deps    map[string]bool // what the jobs have to do with
	window  window
	pace    *pace
	flushed time.Time
	// letters hears of messages that came back as dead letters, by their id.
	letters *letters
	// answers are those of conductors to requests for reruns.
	answers *answers
}

func newRunner(o *Operator, n news, l *lease) *runner {
	return &runner{
		Operator: o, name: n.head.name(), lease: l, news: n, head: n.head,
		log:     o.Log.With("operation", n.head.ID, "tenant", n.head.Tenant),
		flights: make(map[int]*flight), deps: make(map[string]bool),
	}
}

// changed takes in that the operation was stopped or resumed.
func (r *runner) changed(n news) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.news = n
}

func (r *runner) latest() news {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.news
}

// by is what the records of jobs say of who asked.
func (r *runner) by() string { return "operation/" + r.head.ID }

// run works until there is nothing left to do, the lease is lost, or ctx ends.
func (r *runner) run(ctx context.Context) {
	stop, err := r.begin(ctx)
	if err == nil {
		defer stop()
		r.log.Info("operation begins", "remaining", r.ledger.counts.Remaining)
		err = r.loop(ctx)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	if !fault.Has(err, fault.BusFenced) && r.ledger != nil {
		// What cannot be stored is found out by whoever goes on.
		_ = r.save(last, true)
	}
	if err != nil && ctx.Err() == nil {
		r.log.Warn("operation left to another runner", "error", err)
	}
	r.lease.giveBack(last)
}

// begin reads what was done so far. What was sent and not answered comes first.
func (r *runner) begin(ctx context.Context) (stop func(), err error) {
	if r.ledger, err = r.store.load(ctx, r.head); err != nil {
		return nil, err
	}
	r.pace = newPace(r.head.Request.Rate, r.Ramp, time.Now())
	for n := range r.ledger.results {
		if res := &r.ledger.results[n]; res.State == api.ItemSent || r.unseen(res) {
			f := &flight{n: n, job: r.moved(n), next: r.head.Since + 1, sent: time.Now()}
			f.done = res.State == api.ItemDone
			f.doubt, f.sampled = !f.done, f.done // what went wrong then has had its say
			r.flights[n] = f
		}
	}
	switch r.head.Request.Verb {
	case api.OperationRedrive:
	case api.OperationRerun:
		r.answers = newAnswers(r.Bus.NewInbox())
		return r.Bus.Subscribe(r.answers.inbox+".*", r.answers.hear)
	default:
		return func() {}, nil
	}
	r.letters = newLetters()
	return r.Bus.Subscribe(events.DeadSubject("*", r.head.Tenant), r.letters.hear)
}

// unseen reports whether an item has taken the command and nobody has seen where that led
// its job. Where a letter led is told once, and not to who comes later.
func (r *runner) unseen(res *result) bool {
	return res.State == api.ItemDone && res.JobState == "" && r.head.Request.Verb != api.OperationRedrive
}

// loop returns nil when the operation is done or stopped.
func (r *runner) loop(ctx context.Context) error {
	tick := time.NewTicker(r.Look)
	defer tick.Stop()
	pause, until := firstPause, time.Time{}
	for {
		held, err := r.lease.keep(ctx)
		if err != nil {
			return err
		}
		if held && time.Now().After(until) {
			over, err := r.step(ctx)
			switch {
			case fault.Has(err, fault.BusFenced):
				return err
			case err != nil && ctx.Err() == nil:
				r.log.Warn("operation waits for the broker", "error", err)
				until = time.Now().Add(pause)
				pause = min(2*pause, longPause)
			case over:
				return nil
			default:
				pause = firstPause
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// step looks after what is on its way and begins what may be begun.
func (r *runner) step(ctx context.Context) (over bool, err error) {
	n := r.latest()
	if n.head.State == api.OperationRunning && r.head.State != api.OperationRunning {
		r.again()
	}
	r.head = n.head
	r.ledger.head = n.head
	if err := r.look(ctx); err != nil {
		return false, err
	}
	if r.head.State != api.OperationRunning {
		return !r.waits(), r.save(ctx, !r.waits())
	}
	if why, code := r.broken(); code != "" {
		return false, r.stop(ctx, why, code)
	}
	if err := r.admit(ctx); err != nil {
		return false, err
	}
	if r.next == len(r.ledger.ids) && len(r.flights) == 0 {
		if err := r.save(ctx, true); err != nil {
			return false, err
		}
		return true, r.move(ctx, api.OperationDone, "", "")
	}
	return false, r.save(ctx, false)
}

// again begins anew after a stop that was taken back before this runner was gone.
func (r *runner) again() {
	r.window = window{}
	r.pace = newPace(r.head.Request.Rate, r.Ramp, time.Now())
}

// waits reports whether a command has been given whose effect is not known yet.
func (r *runner) waits() bool {
	for _, f := range r.flights {
		if !f.applied && !f.done {
			return true
		}
	}
	return false
}

// broken reports why no further item must be begun.
func (r *runner) broken() (why string, code fault.Code) {
	stop := r.head.Request.StopOn
	if r.window.over(stop.FailuresPercent) {
		return "more than " + percent(stop.FailuresPercent) + " of the last items failed again", fault.OperationFailing
	}
	if stop.IgnoreBreakers {
		return "", ""
	}
	for d := range r.deps {
		if r.board.circuit(d) == circuitOpen {
			return "the circuit of " + fault.Clip(d, 200) + " is open", fault.BreakerOpen
		}
	}
	return "", ""
}

// probing reports whether only single items may be begun.
func (r *runner) probing() bool {
	for d := range r.deps {
		if r.board.circuit(d) != circuitClosed && !r.head.Request.StopOn.IgnoreBreakers {
			return true
		}
	}
	return false
}

// stop ends the operation by itself.
func (r *runner) stop(ctx context.Context, why string, code fault.Code) error {
	if err := r.move(ctx, api.OperationStopped, why, string(code)); err != nil {
		return err
	}
	// Somebody may have resumed it already: that must not pass for never stopped.
	stopped := *r.head
	stopped.State = api.OperationStopped
	r.head = &stopped
	return nil
}

// move changes the state of an operation that runs. Somebody who was faster counts.
func (r *runner) move(ctx context.Context, state api.OperationState, why, code string) error {
	if r.head.Request.DryRun && state == api.OperationDone {
		why = "a dry run: nothing was done"
	}
	_, err := r.change(ctx, r.name, func(h *head) (bool, error) {
		if h.State != api.OperationRunning {
			return false, nil
		}
		h.State, h.Why, h.Code, h.ChangedBy = state, why, code, ""
		return true, nil
	})
	if err != nil {
		return err
	}
	h, revision, err := r.store.head(ctx, r.name)
	if err == nil {
		r.changed(news{h, revision})
	}
	return err
}

// save stores results, and tells people how far it is.
func (r *runner) save(ctx context.Context, now bool) error {
	if !now && time.Since(r.flushed) < flushEvery {
		return nil
	}
	r.flushed = time.Now()
	if err := r.ledger.flush(ctx); err != nil {
		return err
	}
	p := progress{Counts: r.ledger.counts}
	if r.head.State == api.OperationRunning && p.Counts.Remaining+len(r.flights) > 0 {
		p.Counts.InFlight, p.Pace = len(r.flights), r.pace.now
	}
	return r.ledger.tell(ctx, p)
}
