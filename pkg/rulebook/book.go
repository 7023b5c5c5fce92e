package rulebook

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/policy"
)

// MaxRules is how many rules may be in force at a time: each failed attempt is held
// against all of them, and no person overlooks more.
const MaxRules = 200

// KV is what a book needs of the bucket. [bus.KV] provides it. Get returns a fault
// with code bus.not_found for a key that is not there, Create one with code
// bus.fenced for a key that is, and Update for a revision that has passed.
type KV interface {
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Create(ctx context.Context, key string, value []byte) (revision uint64, err error)
	Update(ctx context.Context, key string, value []byte, last uint64) (revision uint64, err error)
	History(ctx context.Context, key string) ([]bus.Entry, error)
	Watch(ctx context.Context, pattern string, fn func(*bus.Entry) error) error
}

// Options tunes a [Book]. The zero value is right for all but tests.
type Options struct {
	// Stages are the names of the stages that this build knows. A rule for another
	// one is warned of.
	Stages []string
	// Renew is how often the bucket is read as a whole, in case a change was
	// missed. Zero means every minute.
	Renew time.Duration
	// Pause is the longest wait after a failed look at the bucket. Zero means 5
	// seconds.
	Pause time.Duration
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Log takes changes and trouble. Nil discards them.
	Log *slog.Logger
}

// Book holds the rules. Its methods are safe for concurrent use. Only [Book.Run]
// keeps it up to date; whoever just sets and reads rules does not need it.
type Book struct {
	kv    KV
	o     Options
	rules atomic.Pointer[policy.Rules]
}

// New returns a book over the bucket [events.BucketRules]. It knows no rules yet. It
// owns nothing that would have to be closed.
func New(kv KV, o Options) *Book {
	if o.Renew <= 0 {
		o.Renew = time.Minute
	}
	if o.Pause <= 0 {
		o.Pause = 5 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Book{kv: kv, o: o}
}

// Rules returns the rules as they are known now. It never waits.
func (b *Book) Rules() *policy.Rules { return b.rules.Load() }

// now is the time in UTC and whole milliseconds.
func (b *Book) now() time.Time { return b.o.Now().UTC().Truncate(time.Millisecond) }

// decode reads an entry of the bucket, with the revision that only the bucket knows.
// Of one that cannot be read it returns nothing but that.
func decode(key string, value []byte, revision uint64) (events.RuleChange, error) {
	var c events.RuleChange
	none := events.RuleChange{Revision: revision}
	if err := json.Unmarshal(value, &c); err != nil {
		return none, fault.New(fault.InternalBug, "decode rule "+fault.Clip(key, 64), err)
	}
	if c.Name != key || c.Action == events.RuleSet && c.Rule == nil {
		return none, fault.New(fault.InternalBug, "entry "+fault.Clip(key, 64)+" of the rules is not one of that name", nil)
	}
	c.Revision = revision
	if c.Rule != nil {
		c.Rule.Revision = revision
	}
	return c, nil
}

// holds reports whether a change left a rule that is in force.
func holds(c events.RuleChange, now time.Time) bool {
	return c.Action == events.RuleSet && policy.InForce(*c.Rule, now)
}
