package bus

import (
	"context"
	"errors"
	"slices"

	"github.com/millrace/millrace/pkg/fault"
)

// Bounds of one call of [Conn.Backward].
const (
	// backWindow is how far back is read at once at first. Where there are few messages
	// that fit, each further step goes backGrowth times as far.
	backWindow = 256
	backGrowth = 4
	// backSteps is how many steps one call takes.
	backSteps = 8
)

// Backward says which messages of a stream to read, newest first.
type Backward struct {
	Stream string
	// Filter is a subject, with wildcards.
	Filter string
	// Before is the sequence below which to begin. A huge one means the end.
	Before uint64
}

// Backward calls take for each message, newest first, until take returns false. It
// returns the sequence below which to go on: that of the message that was not taken, and
// one; or where it stopped for having read enough without a word of take. Zero means that
// there is nothing before. It is for logs that people page through: what is stored
// meanwhile is not seen.
//
// Faults: bus.timeout, bus.closed, bus.unreachable.
func (c *Conn) Backward(ctx context.Context, b Backward, take func(*Message) bool) (rest uint64, err error) {
	newest, err := c.Last(ctx, b.Stream, b.Filter)
	if fault.Has(err, fault.BusNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	high, span := min(b.Before, newest.Sequence+1), uint64(backWindow)
	for range backSteps {
		if high <= 1 {
			return 0, nil
		}
		low := high - min(span, high-1)
		list, err := c.between(ctx, b, low, high)
		if err != nil {
			return 0, err
		}
		for _, m := range slices.Backward(list) {
			if !take(m) {
				return m.Sequence + 1, nil
			}
		}
		high = low
		if len(list) < backWindow/backGrowth {
			span *= backGrowth
		}
	}
	if high <= 1 {
		return 0, nil
	}
	return high, nil
}

// between reads the messages from low to below high, oldest first.
func (c *Conn) between(ctx context.Context, b Backward, low, high uint64) (list []*Message, err error) {
	err = c.Scan(ctx, Scan{Stream: b.Stream, Filters: []string{b.Filter}, From: low}, func(m *Message) error {
		if m.Sequence >= high {
			return errBetween
		}
		list = append(list, m)
		return nil
	})
	if errors.Is(err, errBetween) {
		err = nil
	}
	return list, err
}

// errBetween ends a scan that has come to its upper end.
var errBetween = errors.New("that is all that was asked for")
