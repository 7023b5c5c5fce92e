package bus

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/fault"
)

// Settings of the short-lived consumer behind a scan.
const (
	scanBatch = 256
	scanBytes = 8 << 20
	scanWait  = 5 * time.Second
	scanIdle  = 30 * time.Second
	// scanTries is how often a scan that does not follow starts again without
	// having got any further.
	scanTries    = 8
	scanPauseMin = 20 * time.Millisecond
	scanPauseMax = time.Second
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
	// left counts down to the end of what was there at the start, when begun.
	left  uint64
	begun bool
}

// errGap says that the consumer has lost a message on the way.
var errGap = errors.New("a message was lost on the way")

// handlerError wraps what fn returned, so that it is not taken for trouble.
type handlerError struct{ error }

// run reads until the end, through as many consumers as it takes.
func (r *scanner) run(ctx context.Context) error {
	pause, tries := scanPauseMin, 0
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
		}
		if r.last != before {
			pause, tries = scanPauseMin, 0
		}
		if tries++; r.hopeless(err, tries) {
			return busFault("scan "+r.scan.Stream, err)
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, scanPauseMax)
	}
}

// hopeless reports whether trying again cannot help, or has not.
func (r *scanner) hopeless(err error, tries int) bool {
	switch {
	case fault.Has(err, fault.BusClosed), fault.Has(err, fault.BusBadSubscription),
		fault.Has(err, fault.BusDenied):
		return true
	case !r.begun && fault.Has(err, fault.BusNotFound):
		return true
	}
	return !r.scan.Follow && tries >= scanTries
}

// round makes a consumer and reads through it until the end or the first trouble.
func (r *scanner) round(ctx context.Context) (done bool, err error) {
	cons, err := r.open(ctx)
	if err != nil {
		return false, err
	}
	defer r.drop(cons)
	if !r.begun || r.scan.LastPerSubject {
		r.left = cons.CachedInfo().NumPending
		r.begun = true
	}
	expect := uint64(1)
	for r.scan.Follow || r.left > 0 {
		n, err := r.pull(ctx, cons, &expect)
		switch {
		case err != nil:
			return false, err
		case ctx.Err() != nil:
			return false, ctx.Err()
		case n > 0:
			continue
		}
		if done, err := r.quiet(ctx, cons, expect); done || err != nil {
			return done, err
		}
	}
	return true, nil
}

// quiet is called when nothing came for a while. It finds out whether that is
// because there is nothing, or because something was lost on the way.
func (r *scanner) quiet(
	ctx context.Context, cons jetstream.Consumer, expect uint64,
) (done bool, err error) {
	info, err := cons.Info(ctx)
	switch {
	case err != nil:
		return false, r.trouble(err)
	case info.Delivered.Consumer != expect-1:
		return false, errGap
	}
	// What should have come was removed meanwhile.
	return !r.scan.Follow && info.NumPending == 0, nil
}

func (r *scanner) open(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := r.conn.withTimeout(ctx)
	defer cancel()
	cons, err := r.conn.js.CreateConsumer(ctx, r.scan.Stream, r.config())
	if err != nil {
		return nil, r.trouble(err)
	}
	return cons, nil
}

func (r *scanner) trouble(err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && api.Code == 400 && apiCode(api) == "" {
		return fault.New(fault.BusBadSubscription, "scan "+r.scan.Stream, err)
	}
	return busFault("scan "+r.scan.Stream, r.conn.explain(err))
}

// pull reads one batch and returns how many messages it held.
func (r *scanner) pull(
	ctx context.Context, cons jetstream.Consumer, expect *uint64,
) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, scanWait)
	defer cancel()
	// What was on its way when the connection was lost does not come again
	// through this consumer, if that still exists at all.
	var cut atomic.Bool
	stop := r.conn.back.notify(func() { cut.Store(true); cancel() })
	defer stop()
	batch, err := cons.Fetch(r.batch(), jetstream.FetchContext(ctx),
		jetstream.FetchMaxBytes(max(scanBytes, 2*int(r.conn.nc.MaxPayload()))))
	if err != nil {
		return 0, r.trouble(err)
	}
	for m := range batch.Messages() {
		meta, err := m.Metadata()
		if err != nil {
			return n, r.trouble(err)
		}
		if meta.Sequence.Consumer != *expect {
			return n, errGap
		}
		*expect++
		n++
		if meta.Sequence.Stream > r.last {
			if err := r.hand(m, meta); err != nil {
				return n, handlerError{err}
			}
		}
		if r.ended(meta) {
			return n, nil
		}
	}
	err = batch.Error()
	if cut.Load() {
		return n, errGap
	}
	if err == nil || errors.Is(err, jetstream.ErrNoMessages) || ctx.Err() != nil {
		return n, nil
	}
	return n, r.trouble(err)
}

// batch is how many messages to ask for: not more than there are, so that the
// broker does not wait for more.
func (r *scanner) batch() int {
	if r.scan.Follow {
		return scanBatch
	}
	return int(min(r.left, scanBatch))
}

func (r *scanner) hand(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
	r.last = meta.Sequence.Stream
	return r.fn(fromJetStream(m, meta))
}

// ended counts a message and reports whether it was the last of those that were
// there at the start.
func (r *scanner) ended(meta *jetstream.MsgMetadata) bool {
	if r.left > 0 {
		r.left--
	}
	if !r.scan.Follow && meta.NumPending == 0 {
		r.left = 0
	}
	return !r.scan.Follow && r.left == 0
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
	case r.scan.LastPerSubject && (r.last == 0 || !r.scan.Follow):
		cfg.DeliverPolicy = jetstream.DeliverLastPerSubjectPolicy
		if len(cfg.FilterSubjects) == 0 {
			cfg.FilterSubjects = []string{">"} // the broker wants one
		}
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
