package sweep

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/conductor"
	"github.com/millrace/millrace/services/stagehost"
)

// world is a story while it is told.
type world struct {
	t      *testing.T
	story  story
	def    *pipeline.Definition
	random *rand.Rand
	broker *broker
	blobs  *memstore.Store
	book   *book
	// forgetful: the streams in the broker's memory do not survive a crash.
	forgetful bool
	crashes   int
	orders    int // commands that were given
	wrong     []string
	// cast are further stages, between is called after each delivery, and idle when
	// nothing moves, until it reports that there is nothing to do; they may be nil.
	cast    func() []stage.Stage
	between func()
	idle    func() bool

	// The process that is alive.
	link      link
	ctx       context.Context
	consumers map[string]bus.Handler // by what they consume
	conductor *conductor.Conductor
}

func newWorld(t *testing.T, s story, seed uint64, forgetful bool, fates map[int]fate) *world {
	t.Helper()
	w := &world{
		t: t, story: s, random: rand.New(rand.NewPCG(seed, 0)), broker: newBroker(fates), blobs: memstore.New(),
		book: &book{calls: map[string]int{}, undone: map[string]int{}}, forgetful: forgetful,
	}
	def, err := pipeline.Compile([]byte(s.pipeline), catalog())
	if err != nil {
		t.Fatal(err)
	}
	w.def = def
	return w
}

func catalog() []pipeline.Stage {
	return []pipeline.Stage{
		{Name: "chew", Version: 1},
		{Name: "fail", Version: 1},
		{Name: "stumble", Version: 1},
		{Name: "post", Version: 1, Compensable: true},
		{Name: "blind", Version: 1, Compensable: true},
		{Name: "place", Version: 1, Compensable: true, Config: json.RawMessage(placeConfig)},
		{Name: "mail", Version: 1},
	}
}

// Current and Version make the world a conductor's pipelines.
func (w *world) Current(context.Context, string, string) (*pipeline.Definition, error) {
	return w.def, nil
}

func (w *world) Version(context.Context, string, string) (*pipeline.Definition, error) {
	return w.def, nil
}

// boot starts a process.
func (w *world) boot() {
	w.t.Helper()
	ctx, kill := context.WithCancelCause(context.Background())
	w.ctx, w.broker.kill = ctx, kill
	w.link = link{w.broker, w.broker.life}
	store := w.store()
	all := []stage.Stage{
		&chew{w.watch}, &fail{watch: w.watch}, &fail{soft: true, watch: w.watch},
		&post{"post", w.link, w.book, true, w.watch}, &post{"blind", w.link, w.book, false, w.watch},
	}
	if w.cast != nil {
		all = append(all, w.cast()...)
	}
	set, err := stage.NewSet(all...)
	if err != nil {
		w.t.Fatal(err)
	}
	host, err := stagehost.New(stagehost.Config{Broker: w.link, Store: store, Stages: set, Worker: "worker"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.conductor, err = conductor.New(conductor.Config{
		Broker: w.link, Pipelines: w, Store: store, Entropy: w.random.Uint64,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.consumers = map[string]bus.Handler{}
	for _, s := range append(w.conductor.Subscriptions(), host.Subscriptions()...) {
		w.consumers[filterOf(s.Durable)] = s.Handle
	}
}

// store is the artifact store as the process that is alive sees it.
func (w *world) store() *artifact.Store { return artifact.New(&disk{w.blobs, w.link}, nil) }

// filterOf is what a consumer consumes.
func filterOf(durable string) string {
	switch durable {
	case events.ConsumerIntake:
		return events.AllSubmit
	case events.ConsumerOutcomes:
		return events.AllOutcomes
	case events.ConsumerControl:
		return events.AllControl
	case events.ConsumerDue:
		return events.AllDue
	}
	for _, s := range catalog() {
		switch durable {
		case events.StageConsumer(s.Name):
			return events.WorkOf(s.Name)
		case events.UndoConsumer(s.Name):
			return events.UndoOf(s.Name)
		}
	}
	return durable
}

// restart starts the next process after a crash. Its reconciler looks at every job
// before anything else is delivered.
func (w *world) restart() {
	w.t.Helper()
	w.crashes++
	for w.dead() {
		if w.forgetful {
			w.broker.forgetDerived()
		}
		w.boot()
		ctx, stop := context.WithCancel(w.ctx)
		done := make(chan error, 1)
		go func() { done <- w.conductor.Reconcile(ctx) }()
		synctest.Wait()
		stop()
		<-done
	}
	w.checkNext()
}

func (w *world) dead() bool {
	w.broker.mu.Lock()
	defer w.broker.mu.Unlock()
	return w.broker.life != w.link.mine
}

// watch notes a stage that is run for an attempt that its job does not wait for.
func (w *world) watch(t *stage.Task) {
	j := w.job(t.Tenant, t.Job)
	if st := j.Steps[t.Step]; st.State != events.StepQueued || st.Attempt != t.Attempt {
		w.fail("step %s was run for attempt %d while the job has it in state %s, attempt %d", t.Step, t.Attempt, st.State, st.Attempt)
	}
}

func (w *world) history(tenant, job string) []events.Record {
	w.broker.mu.Lock()
	defer w.broker.mu.Unlock()
	var out []events.Record
	for _, m := range matching(w.broker.messages[events.StreamEvents], events.HistoryFilter(tenant, job)) {
		var r events.Record
		if err := json.Unmarshal(m.Data, &r); err != nil {
			w.t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func (w *world) job(tenant, job string) (j events.Job) {
	w.broker.mu.Lock()
	defer w.broker.mu.Unlock()
	if list := matching(w.broker.messages[events.StreamEvents], events.HistoryFilter(tenant, job)); len(list) > 0 {
		var r events.Record
		if err := json.Unmarshal(list[len(list)-1].Data, &r); err != nil {
			w.t.Fatal(err)
		}
		j = r.Job
	}
	return j
}

// tell tells the story to its end: deliveries in an order that the seed picks,
// and when there is none, time passes until the next timer.
func (w *world) tell() {
	w.t.Helper()
	w.boot()
	w.checkTold(w.submit())
	for range 2000 {
		if w.dead() {
			w.restart()
		}
		next := w.broker.fire()
		m, handle := w.pick()
		switch {
		case m != nil:
			w.deliver(m, handle)
		case w.ask(): // before its decision is due
		case !next.IsZero():
			time.Sleep(time.Until(next))
		default:
			return
		}
	}
	w.fail("the story does not end")
}

// submit hands the job in. Whoever submits repeats it until somebody has it.
func (w *world) submit() error {
	data, err := json.Marshal(w.story.submission())
	if err != nil {
		return err
	}
	for {
		err := w.link.Publish(w.ctx, bus.Out{Subject: events.SubmitSubject(events.DefaultTenant, w.def.Name), ID: key, Data: data})
		if err == nil || !w.dead() {
			return err
		}
		w.restart()
	}
}

// ask sends the commands that a person gives when nothing moves, or, once, the one
// of the story.
func (w *world) ask() bool {
	if w.idle != nil {
		return w.idle()
	}
	j := w.job(events.DefaultTenant, jobID)
	if j.State != events.JobAttention || j.ID == "" {
		return false
	}
	cmd := events.Command{Verb: events.VerbAbandon}
	w.wrongUnless(hasUnknown(j), "attention without an unknown effect: %+v", j.Fault)
	w.command(cmd)
	return true
}

func (w *world) command(cmd events.Command) {
	data, err := json.Marshal(cmd)
	w.checkTold(err)
	w.broker.mu.Lock()
	defer w.broker.mu.Unlock()
	w.orders++
	w.broker.store(bus.Out{Subject: events.ControlSubject(events.DefaultTenant, jobID), ID: string(cmd.Verb) + strconv.Itoa(w.orders), Data: data})
}

// pick picks a message that can be delivered.
func (w *world) pick() (*stored, bus.Handler) {
	w.broker.mu.Lock()
	defer w.broker.mu.Unlock()
	var all []*stored
	var handlers []bus.Handler
	for _, stream := range []string{events.StreamIntake, events.StreamControl, events.StreamQueue, events.StreamOutcomes} {
		for _, m := range w.broker.messages[stream] {
			for filter, handle := range w.consumers {
				if m.at.IsZero() && matches(filter, m.Subject) {
					all, handlers = append(all, m), append(handlers, handle)
				}
			}
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	i := w.random.IntN(len(all))
	all[i].Delivered++
	return all[i], handlers[i]
}

// deliver has a message handled, and acknowledges it when that went well.
func (w *world) deliver(m *stored, handle bus.Handler) {
	w.t.Helper()
	w.broker.mu.Lock()
	c := m.copy()
	w.broker.mu.Unlock()
	err := handle(w.ctx, c)
	switch {
	case w.dead():
		return
	case err != nil && strings.HasPrefix(err.Error(), "reject as "):
		w.fail("a message was set aside: %s: %v", m.Subject, err)
		fallthrough
	case err == nil:
		_ = w.link.write(w.link.mine, "ack "+m.Subject, func() error {
			w.broker.remove(m)
			return nil
		})
	default:
		time.Sleep(100 * time.Millisecond)
	}
	if w.dead() {
		return
	}
	w.story.meanwhile(w)
	if w.between != nil {
		w.between()
	}
	w.checkNext()
}

// checkNext wants everything that the job says is due to be in the broker.
func (w *world) checkNext() {
	w.t.Helper()
	j := w.job(events.DefaultTenant, jobID)
	if j.ID == "" || w.dead() {
		return
	}
	for _, d := range flow.Outstanding(w.def.Plan, j) {
		if !w.link.findable(j, d) {
			w.fail("the job has no next event: %s of step %s, attempt %d, is nowhere", d.Kind, d.Step, d.Attempt)
		}
	}
}

func hasUnknown(j events.Job) bool {
	for _, st := range j.Steps {
		if st.Fault != nil && st.Fault.Code == string(fault.EffectUnknown) {
			return true
		}
	}
	return false
}
