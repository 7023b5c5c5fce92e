// Package httpcall is the stage that tells another service something: one HTTP
// request for the job, or one for each of its files.
//
// Every request is an effect: it is made at most once, or the step says that it
// does not know. It carries an Idempotency-Key, a quoted string as the draft of
// that header wants it, which is the same in every attempt and for every worker.
//
// The stage reaches no private address unless the operator allows it, follows no
// redirect, uses no proxy and no cookies, and makes each request on a connection
// of its own: one that is kept open may be closed just when it is used, and would
// then have to be guessed about. Of an address it says scheme and host, because
// there may be secrets in the rest. What a step says in headers appears in no
// fault, finding, receipt or log, also not when the other side repeats it.
//
// # What an answer means
//
//	answer                         | the call           | the fault
//	-------------------------------|--------------------|---------------------------------
//	a status of expect             | was made           |
//	no connection, no such host    | was not made       | httpcall.unreachable, rejected
//	401, 403, 407                  | was not made       | httpcall.denied
//	425, 429                       | was not made       | httpcall.rate_limited, after Retry-After
//	other 4xx, but 408             | was not made       | httpcall.rejected
//	307, 308                       | was not made       | httpcall.rejected
//	503 with Retry-After           | is left open       | httpcall.unavailable, after Retry-After
//	408, other 5xx                 | is left open       | httpcall.server_error
//	none, or one that breaks off   | is left open       | httpcall.no_answer, timeout
//	anything else                  | is left open       | httpcall.unexpected
//
// 409 leaves the call open when the other side honours keys: it then means that
// a request with the same key is being worked on.
//
// # What a crash costs
//
//	killed                         | with verify               | without verify
//	-------------------------------|---------------------------|------------------------------
//	before the intent is recorded  | the call is made          | the call is made
//	before, in or after the call   | the other side is asked   | effect.unknown: a person says
//	after the receipt is recorded  | nothing                   | nothing
//
// Asking is one of two things, as the step says. With idempotent: true the other
// side honours the key, and the same request is sent again. With a url, that is
// asked with GET. The answer that nothing is there counts only when a call that
// was on its way must have arrived: time_limit after its intent was recorded, and
// a while more (wait). Until then the step is put off with httpcall.unsettled.
// A call that has not begun by time_limit is not begun at all.
//
// # Undo
//
// A step may declare the request that takes its call back. It is an effect with a
// key of its own, made for every call that the ledger says was made. A call that
// is open is settled first, as after a crash; one that is sent again for that is
// taken back right after. What cannot be settled ends with effect.unknown. A step
// without such a declaration leaves what it did, and settles only what it can ask
// for.
package httpcall

import (
	"context"
	"crypto/x509"
	"net/http"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/netguard"
	"github.com/millrace/millrace/pkg/stage"
)

// Options say what may be called.
type Options struct {
	// AllowPrivateNetworks lets addresses resolve to loopback, private and
	// link-local networks.
	AllowPrivateNetworks bool
	// Breakers keep hosts apart that do not answer. Nil means breakers of the
	// stage's own.
	Breakers *breaker.Registry
	// RootCAs are who may vouch for https hosts. Nil means the system's.
	RootCAs *x509.CertPool
}

// New returns the stage http-call@1. It has an undo.
func New(o Options) stage.Stage {
	guard := netguard.Options{RootCAs: o.RootCAs}
	if o.AllowPrivateNetworks {
		guard.Allow = netguard.Everywhere
	}
	c := &caller{breakers: o.Breakers, transport: netguard.Transport(guard), spec: spec()}
	// A transport repeats requests that have an Idempotency-Key by itself when a
	// connection that it has kept turns out to be closed.
	c.transport.DisableKeepAlives = true
	c.transport.ForceAttemptHTTP2 = false
	if c.breakers == nil {
		c.breakers = breaker.New(breaker.Options{Timeout: -1}) // requests have a limit of their own
	}
	return c
}

type caller struct {
	breakers  *breaker.Registry
	transport *http.Transport
	spec      stage.Spec
}

var _ stage.Compensator = (*caller)(nil)

func (c *caller) Spec() stage.Spec { return c.spec }

// Run makes the calls, one after the other. Those that were made by an earlier
// attempt are not made again.
func (c *caller) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	w, err := c.work(t)
	if err != nil {
		return stage.Result{}, err
	}
	if w.cfg.Each == eachFile {
		if _, err := t.Inputs(); err != nil {
			return stage.Result{}, err
		}
	}
	res := stage.Result{Files: t.Files, Findings: map[string]string{"calls": strconv.Itoa(w.calls)}}
	for n := range w.calls {
		kept, err := w.make(ctx, n)
		if err != nil {
			return stage.Result{}, err
		}
		w.note(res.Findings, n, kept)
		t.Progress(int64(n+1), int64(w.calls), "calls")
	}
	return res, nil
}

// work is one attempt.
type work struct {
	*caller
	task  *stage.Task
	cfg   config
	calls int
}

func (c *caller) work(t *stage.Task) (*work, error) {
	w := &work{caller: c, task: t, cfg: defaults(), calls: 1}
	if err := t.Config(&w.cfg); err != nil {
		return nil, err
	}
	if t.Checkpoints == nil {
		return nil, fault.New(fault.EffectRefused, "the task has no checkpoints", nil)
	}
	if w.cfg.Each == eachFile {
		w.calls = len(t.Files)
	}
	return w, nil
}

// key is the ledger's name for what is done for file n.
func (w *work) key(what string, n int) string {
	if w.cfg.Each == eachFile {
		return what + "." + strconv.Itoa(n)
	}
	return what
}

// file is the file that call n is for.
func (w *work) file(n int) *events.File {
	if w.cfg.Each == eachFile {
		return &w.task.Files[n]
	}
	return nil
}

// id is the id of a call, which {id} stands for in addresses.
func (w *work) id(n int) string {
	return events.EffectID(w.task.Tenant, w.task.Job, w.task.Step, w.key("call", n))
}

// make makes call n and returns its receipt.
func (w *work) make(ctx context.Context, n int) (string, error) {
	rq, err := w.request(n)
	if err != nil {
		return "", err
	}
	a := &attempted{work: w, key: w.key("call", n), request: rq}
	a.begin()
	receipt, err := w.task.Effect(ctx, a.key, a.do, a.verify(w.id(n)))
	if fault.Has(err, fault.CheckpointTooLarge) {
		return "", fault.New(fault.InternalBug, "receipt of "+a.key, err)
	}
	return receipt, err
}
