package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/pkg/fault"
)

// What the broker understands as a verdict.
var (
	wireAck  = []byte("+ACK")
	wireNak  = []byte("-NAK")
	wireTerm = []byte("+TERM")
	wireBeat = []byte("+WPI")
)

// errNacked is the reason of a message that was refused without one.
var errNacked = errors.New("the handler refused the message")

// maxReason bounds the reason that the broker is told with a termination.
const maxReason = 200

// settle tells the broker what becomes of the message and frees its slot. Only
// the first call counts.
func (d *delivery) settle(err error) {
	if !d.settled.CompareAndSwap(false, true) {
		return
	}
	d.tell(err)
	d.flow.release(d)
	d.cancel(nil)
}

// tell sends the verdict that follows from a handler's error.
func (d *delivery) tell(err error) {
	f := d.flow
	v, decided := verdictOf(err)
	switch {
	case err == nil:
		f.reply(d.reply, wireAck)
	case d.lost.Load():
		// A late refusal would hit the delivery that another worker has now.
		d.note(err, "nothing, another worker has it")
	case decided && v.kind == verdictReject:
		d.reject(v.code, v.err)
	case decided && v.kind == verdictAbandon:
		d.note(err, "nothing")
	case decided && v.kind == verdictHandOver, d.draining():
		f.nak(d.reply, 0)
	case decided && v.kind == verdictRetry:
		d.note(err, "deliver again")
		f.nak(d.reply, v.delay)
	case f.opts.MaxDeliveries > 0 && d.m.Delivered >= f.opts.MaxDeliveries:
		d.reject(fault.BusHandlerGaveUp, err)
	case errors.Is(err, errNacked):
		f.nak(d.reply, f.opts.NackDelay(d.m.Delivered))
	default:
		d.note(err, "deliver again")
		f.nak(d.reply, retryDelay(d.m.Delivered))
	}
}

// draining reports whether the handler was told to stop because the process
// does: then its failure says nothing about the message.
func (d *delivery) draining() bool {
	return fault.Has(context.Cause(d.ctx), fault.StageDraining)
}

// reject sets the message aside. Only when that is done is it given up.
func (d *delivery) reject(code fault.Code, reason error) {
	f := d.flow
	d.note(reason, "dead letter")
	if err := f.bury(d, code, reason); err != nil {
		f.log.Error("a message cannot be set aside; it comes again",
			"subject", fault.Clip(d.m.Subject, maxShown), "id", fault.Clip(d.m.ID, maxShown), "error", err)
		f.nak(d.reply, retryDelay(d.m.Delivered))
		return
	}
	text := string(code)
	if reason != nil {
		text += ": " + reasonText(reason)
	}
	f.reply(d.reply, append(append([]byte{}, wireTerm...), " "+fault.Clip(text, maxReason)...))
}

// note logs a failure, once, with what is done about it.
func (d *delivery) note(err error, next string) {
	var p middleware.RecoveredPanicError
	if errors.As(err, &p) {
		d.flow.log.Error("handler panicked", "subject", fault.Clip(d.m.Subject, maxShown),
			"id", fault.Clip(d.m.ID, maxShown), "panic", fmt.Sprint(p.V), "stack", p.Stacktrace)
	}
	if err == nil {
		err = errNacked
	}
	d.flow.log.Warn("message not handled", "subject", fault.Clip(d.m.Subject, maxShown),
		"id", fault.Clip(d.m.ID, maxShown), "delivered", d.m.Delivered,
		"error", reasonText(err), "next", next)
}

// reasonText is an error for people: one line, without a stack.
func reasonText(err error) string {
	var p middleware.RecoveredPanicError
	if errors.As(err, &p) {
		return fault.Clip(fmt.Sprintf("panic: %v", p.V), maxShown)
	}
	return fault.Clip(err.Error(), 1024)
}

// release frees the slot of a delivery and asks for the next message, if it is
// time to. Where a door has to be asked first, the puller does that.
func (f *flow) release(d *delivery) {
	var next request
	f.mu.Lock()
	f.held.remove(d)
	f.noteIdle()
	n := f.free()
	direct := n > 0 && f.opts.Admit == nil && !f.pull.renew
	if direct {
		next = f.count(n)
	}
	f.mu.Unlock()
	switch {
	case direct:
		f.send(next)
	case n > 0:
		f.nudge()
	}
}

// nak has the message delivered again after a pause; none means at once. It says
// nothing while the connection is lost: by the time it arrived, the message
// might be with another worker, and would be taken from him.
func (f *flow) nak(reply string, pause time.Duration) {
	if !f.conn.nc.IsConnected() {
		return
	}
	if pause <= 0 {
		f.reply(reply, wireNak)
		return
	}
	data := append([]byte{}, wireNak...)
	data = append(data, ` {"delay":`...)
	data = strconv.AppendInt(data, int64(pause), 10)
	f.reply(reply, append(data, '}'))
}

// reply tells the broker a verdict. It does not wait: should it get lost, the
// message comes again after the ack wait.
func (f *flow) reply(to string, verdict []byte) {
	err := f.conn.nc.Publish(to, verdict)
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		f.log.Error("a verdict cannot be sent; the message comes again", "error", err)
	}
}
