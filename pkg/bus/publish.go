package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/pkg/fault"
)

// Out is a message to be stored by a stream.
type Out struct {
	Subject string
	// ID is the message id, the same for every attempt to send this message:
	// the stream drops what it has already seen. It is required.
	ID string
	// Header holds further headers. Keys are cleaned of what NATS does not
	// allow in them.
	Header map[string]string
	Data   []byte
	// Fence makes the message count only if nobody else was faster.
	Fence *Fence
	// At and Target make a scheduled message: the broker keeps it under
	// Subject and publishes it to Target, another subject of the same stream,
	// when the time has come. Publishing to Subject again replaces it. A time
	// in the past fires at once.
	At     time.Time
	Target string
}

// Fence lets a message through only if Last is the sequence of the last message
// whose subject matches Filter; 0 means that there is none. All writers of a
// job use the same Filter, to the letter.
type Fence struct {
	Filter string
	Last   uint64
}

// Pauses between attempts while the broker has nobody who would take a message,
// for example while it starts.
const (
	publishPauseMin = 10 * time.Millisecond
	publishPauseMax = 500 * time.Millisecond
)

// Publish stores messages and returns when the broker has confirmed all of
// them. They are sent one after the other without waiting in between, and again
// when the connection is lost meanwhile. A message that the stream has already
// seen, by its ID, counts as stored. After an error some may be stored and
// others not; publishing all again is harmless.
//
// Faults: bus.bad_message, bus.fenced, bus.store_full, bus.too_large,
// bus.timeout, bus.closed, bus.unreachable, also when no stream takes the
// subject: it may be about to be made again.
func (c *Conn) Publish(ctx context.Context, outs ...Out) error {
	if len(outs) == 0 {
		return nil
	}
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	msgs := make([]*nats.Msg, len(outs))
	for i := range outs {
		var err error
		if msgs[i], err = c.encode(&outs[i]); err != nil {
			return err
		}
	}
	_, err := c.store(ctx, msgs)
	return err
}

// store publishes until each message has an answer that is not the loss of the
// connection, and returns the answers in order, or the first error of any.
func (c *Conn) store(ctx context.Context, msgs []*nats.Msg) ([]pubAck, error) {
	acks := make([]pubAck, len(msgs))
	todo := make([]int, len(msgs))
	for i := range todo {
		todo[i] = i
	}
	pause, nobody := publishPauseMin, false
	for {
		batch := msgs
		if len(todo) < len(msgs) {
			batch = make([]*nats.Msg, len(todo))
			for i, at := range todo {
				batch[i] = msgs[at]
			}
		}
		answers, err := c.mux.do(ctx, batch)
		if err != nil && !errors.Is(err, errLost) {
			if nobody && ctx.Err() != nil {
				err = errNobody // that is all that was heard so far
			}
			return nil, busFault("publish to "+batch[0].Subject, c.explain(err))
		}
		left, failure := sortAnswers(acks, todo, answers, msgs)
		if failure != nil {
			return nil, failure
		}
		if len(left) == 0 {
			return acks, nil
		}
		todo, nobody = left, err == nil && statusOf(answers[len(answers)-1]) == statusNoResponders
		if err := sleep(ctx, pause); err != nil {
			if nobody {
				err = errNobody
			}
			return nil, busFault("publish to "+msgs[todo[0]].Subject, c.explain(err))
		}
		pause = min(2*pause, publishPauseMax)
	}
}

// sortAnswers notes the answers and returns which messages have to be sent
// again: those without an answer, those that nobody took, and those about which
// a cluster has not decided.
func sortAnswers(
	acks []pubAck, todo []int, answers []*nats.Msg, msgs []*nats.Msg,
) (left []int, failure error) {
	for i, at := range todo {
		if answers[i] == nil || statusOf(answers[i]) == statusNoResponders {
			left = append(left, at)
			continue
		}
		ack, err := decodeAck(answers[i])
		if ack.Error != nil && ack.Error.ErrorCode == codeIDInProcess {
			left = append(left, at)
			continue
		}
		if err != nil && failure == nil {
			failure = busFault("publish to "+msgs[at].Subject, err)
		}
		acks[at] = ack
	}
	return left, failure
}

// explain replaces an error that is only a symptom by what is behind it: there
// is no answer because the connection is lost.
func (c *Conn) explain(err error) error {
	if c.nc.IsClosed() {
		return nats.ErrConnectionClosed
	}
	if !c.nc.IsConnected() && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errNobody)) {
		return errDisconnected
	}
	return err
}

// errDisconnected says that there is no connection to wait for an answer on.
var errDisconnected = errors.New("the connection is lost")

// errNobody says that no stream listens on a subject.
var errNobody = errors.New("no stream listens there")

// Send publishes a message on core NATS: whoever listens gets it, nobody keeps
// it. It returns before the message has left the process.
// Faults: bus.closed, bus.too_large.
func (c *Conn) Send(subject string, header map[string]string, data []byte) error {
	m := &nats.Msg{Subject: subject, Data: data}
	if len(header) > 0 {
		m.Header = make(nats.Header, len(header))
		setHeaders(m.Header, header)
	}
	return busFault("send to "+fault.Clip(subject, maxShown), c.nc.PublishMsg(m))
}
