package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// intakePause is when to come again to an intake that is full.
const intakePause = 5 * time.Second

// intake hands submissions to the conductor and waits for its answers, which come
// to one subscription for all of them.
type intake struct {
	bus     *bus.Conn
	timeout time.Duration
	prefix  string
	stop    func()

	mu      sync.Mutex
	next    uint64
	waiting map[string]chan<- *bus.Message // by the last token of the reply subject
}

func newIntake(c *bus.Conn, timeout time.Duration) (*intake, error) {
	in := &intake{
		bus: c, timeout: timeout, prefix: c.NewInbox() + ".",
		waiting: make(map[string]chan<- *bus.Message),
	}
	var err error
	in.stop, err = c.Subscribe(in.prefix+"*", in.answered)
	if err != nil {
		return nil, err
	}
	return in, nil
}

func (in *intake) close() { in.stop() }

// answered hands an answer to whoever waits for it. Later copies are dropped.
func (in *intake) answered(m *bus.Message) {
	token := strings.TrimPrefix(m.Subject, in.prefix)
	in.mu.Lock()
	defer in.mu.Unlock()
	if ch := in.waiting[token]; ch != nil {
		delete(in.waiting, token)
		ch <- m // has room for one
	}
}

// expect returns a reply subject and where its answer comes. forget ends the wait.
func (in *intake) expect() (subject string, answer <-chan *bus.Message, forget func()) {
	ch := make(chan *bus.Message, 1)
	in.mu.Lock()
	in.next++
	token := strconv.FormatUint(in.next, 36)
	in.waiting[token] = ch
	in.mu.Unlock()
	return in.prefix + token, ch, func() {
		in.mu.Lock()
		delete(in.waiting, token)
		in.mu.Unlock()
	}
}

// submission is what goes to the intake.
type submission struct {
	tenant, pipeline string
	// key is in the payload as well; here it is for messages to people.
	key         string
	payload     []byte
	traceparent string
	// by is who asks, for the audit.
	by string
}

// submit publishes a submission and waits for the answer. Half of the time gone
// without one, it is published again: the key makes that harmless, and an answer
// may be lost while the connection is. Faults: submit.refused, bus.timeout, and a
// [refusal] with the conductor's problem.
func (in *intake) submit(ctx context.Context, s submission) (events.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, in.timeout)
	defer cancel()
	subject, answer, forget := in.expect()
	defer forget()
	if err := in.publish(ctx, s, subject); err != nil {
		return events.Receipt{}, err
	}
	half := time.NewTimer(in.timeout / 2)
	defer half.Stop()
	for {
		select {
		case m := <-answer:
			return receiptOf(m)
		case <-half.C:
			// The first message is stored; this one only may help.
			_ = in.publish(ctx, s, subject)
		case <-ctx.Done():
			return events.Receipt{}, noAnswer(
				"the submission is stored, but no conductor has answered yet", s, ctx.Err())
		}
	}
}

// noAnswer is the fault of a submission whose fate is not known.
func noAnswer(why string, s submission, cause error) error {
	return fault.New(fault.BusTimeout, why+"; sending it again with the same key ("+
		fault.Clip(s.key, maxKey)+") is harmless and gives the same job", cause)
}

func (in *intake) publish(ctx context.Context, s submission, replyTo string) error {
	h := map[string]string{
		events.HeaderReplyTo:     replyTo,
		events.HeaderContentType: events.ContentTypeJSON,
	}
	if s.by != "" {
		h[events.HeaderBy] = s.by
	}
	if s.traceparent != "" {
		h[events.HeaderTraceparent] = s.traceparent
	}
	err := in.bus.Publish(ctx, bus.Out{
		Subject: events.SubmitSubject(s.tenant, s.pipeline), ID: newID(),
		Header: h, Data: s.payload,
	})
	switch {
	case fault.Has(err, fault.BusStoreFull):
		return full(err)
	case fault.Has(err, fault.BusTooLarge):
		return fault.New(fault.SubmitTooLarge, "it does not fit into one message", err)
	case fault.Has(err, fault.BusTimeout):
		return noAnswer("whether the submission is stored is not known", s, err)
	}
	return err
}

// full is the refusal of a submission that the intake has no room for. The client is
// to slow down.
func full(cause error) error {
	p := problemOf(fault.New(fault.SubmitRefused, "", cause))
	p.Status = http.StatusTooManyRequests
	return &refusal{Problem: p, retryAfter: intakePause}
}

// receiptOf reads the conductor's answer: a receipt, or a problem, which has a code.
func receiptOf(m *bus.Message) (events.Receipt, error) {
	var p events.Problem
	if err := json.Unmarshal(m.Data, &p); err != nil {
		return events.Receipt{}, fault.New(fault.BusUndecodable, "the answer to a submission", err)
	}
	if p.Code != "" {
		r := &refusal{Problem: p}
		if p.Status == 503 {
			r.retryAfter = time.Second
		}
		if p.Status < 400 || p.Status > 599 {
			r.Status = 500
		}
		return events.Receipt{}, r
	}
	var receipt events.Receipt
	err := json.Unmarshal(m.Data, &receipt)
	if err != nil || receipt.Job == "" {
		return events.Receipt{}, fault.New(fault.BusUndecodable, "the answer to a submission", err)
	}
	return receipt, nil
}
