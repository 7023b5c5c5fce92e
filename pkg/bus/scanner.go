package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Settings of the short-lived consumer behind a scan.
const (
	scanBatch     = 500
	scanWait      = 5 * time.Second
	scanIdle      = 30 * time.Second
	scanPauseMin  = 20 * time.Millisecond
	scanPauseMax  = time.Second
	scanPullBytes = 8 << 20
)

// scanner is one run of Scan. It reads through a consumer that keeps nothing
// and acknowledges nothing; whatever goes wrong, it makes another one that
// starts after the last message that was handed on.
type scanner struct {
	conn *Conn
	scan Scan
	fn   func(*Message) error
	// last is the sequence of the last message handed on.
	last uint64
	// left counts down to the end of what was there at the start.
	left  uint64
	known bool
}

// errGap says that the consumer has lost a message on the way.
var errGap = errors.New("a message was lost on the way")

// handlerError wraps what fn returned, so that it is not taken for trouble.
type handlerError struct{ error }

func (c *Conn) scan(ctx context.Context, s Scan, fn func(*Message) error) error {
	r := &scanner{conn: c, scan: s, fn: fn}
	pause := scanPauseMin
	for {
		before := r.last
		done, err := r.round(ctx)
		var h handlerError
		switch {
		case errors.As(err, &h):
			return h.error
		case ctx.Err() != nil:
			return ctx.Err()
		case done:
			return nil
		case err == nil || errors.Is(err, errGap):
			continue
		case !s.Follow && errors.Is(err, jetstream.ErrStreamNotFound):
			return busFault("scan "+s.Stream, err)
		case !s.Follow && r.last == before && pause >= scanPauseMax:
			return busFault("scan "+s.Stream, err)
		}
		if r.last != before {
			pause = scanPauseMin
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, scanPauseMax)
	}
}

// round makes a consumer and reads through it until the end or the first trouble.
func (r *scanner) round(ctx context.Context) (done bool, err error) {
	open, cancel := r.conn.withTimeout(ctx)
	defer cancel()
	cons, err := r.conn.js.CreateConsumer(open, r.scan.Stream, r.config())
	if err != nil {
		return false, err
	}
	defer r.drop(cons)
	if !r.known {
		r.left = cons.CachedInfo().NumPending
		r.known = true
	}
	if r.left == 0 && !r.scan.Follow {
		return true, nil
	}
	next := uint64(1)
	for {
		n, done, err := r.pull(ctx, cons, &next)
		switch {
		case err != nil, done:
			return done, err
		case n == 0 && !r.scan.Follow:
			// Nothing came although something should have: it was removed
			// meanwhile, or this consumer is gone.
			info, err := cons.Info(ctx)
			if err != nil {
				return false, err
			}
			if info.NumPending == 0 {
				return true, nil
			}
		}
	}
}

// pull reads one batch.
func (r *scanner) pull(
	ctx context.Context, cons jetstream.Consumer, next *uint64,
) (n int, done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, scanWait)
	defer cancel()
	if r.scan.Follow {
		stop := r.conn.back.notify(cancel)
		defer stop()
	}
	batch, err := r.fetch(ctx, cons)
	if err != nil {
		return 0, false, err
	}
	for m := range batch.Messages() {
		meta, err := m.Metadata()
		if err != nil {
			return n, false, err
		}
		if meta.Sequence.Consumer != *next {
			return n, false, errGap
		}
		*next++
		n++
		if err := r.hand(m, meta); err != nil {
			return n, false, handlerError{err}
		}
		if r.left > 0 {
			r.left--
		}
		if !r.scan.Follow && (r.left == 0 || meta.NumPending == 0) {
			return n, true, nil
		}
	}
	err = batch.Error()
	if errors.Is(err, jetstream.ErrNoMessages) || errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return n, false, err
}

func (r *scanner) fetch(ctx context.Context, cons jetstream.Consumer) (jetstream.MessageBatch, error) {
	if r.scan.Follow {
		return cons.Fetch(scanBatch, jetstream.FetchContext(ctx))
	}
	return cons.FetchNoWait(scanBatch)
}

func (r *scanner) hand(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
	r.last = meta.Sequence.Stream
	return r.fn(fromJetStream(m, meta))
}

func (r *scanner) config() jetstream.ConsumerConfig {
	cfg := jetstream.ConsumerConfig{
		FilterSubjects:    r.scan.Filters,
		AckPolicy:         jetstream.AckNonePolicy,
		HeadersOnly:       r.scan.HeadersOnly,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: scanIdle,
	}
	switch {
	case r.scan.LastPerSubject && r.last == 0:
		cfg.DeliverPolicy = jetstream.DeliverLastPerSubjectPolicy
	case r.last > 0 || r.scan.From > 0:
		cfg.DeliverPolicy = jetstream.DeliverByStartSequencePolicy
		cfg.OptStartSeq = max(r.last+1, r.scan.From)
	}
	return cfg
}

// drop removes the consumer; one that cannot be removed goes by itself when it
// has been idle for a while.
func (r *scanner) drop(cons jetstream.Consumer) {
	if !r.conn.Connected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := r.conn.js.DeleteConsumer(ctx, r.scan.Stream, cons.CachedInfo().Name); err != nil {
		r.conn.log.Debug("a scan's consumer is left to expire", "stream", r.scan.Stream, "error", err)
	}
}
