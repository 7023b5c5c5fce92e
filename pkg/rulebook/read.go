package rulebook

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/policy"
)

// readTimeout bounds one look at the whole bucket.
const readTimeout = 10 * time.Second

// errAll ends a watch that was only to tell what there is.
var errAll = errors.New("all is read")

// Read makes the book know the rules that are in the bucket now. It is for the start,
// before [Book.Run], so that no failed attempt is decided without them. After an
// error the book knows what it knew. Faults: those of the bus.
func (b *Book) Read(ctx context.Context) error {
	all, err := b.all(ctx)
	if err == nil {
		b.compile(slices.Collect(maps.Values(all)))
	}
	return err
}

// List returns the rules that are in force, by name. It reads the bucket. One that
// cannot be read is left out and logged. Faults: those of the bus.
func (b *Book) List(ctx context.Context) ([]events.Rule, error) {
	all, err := b.all(ctx)
	if err != nil {
		return nil, err
	}
	var list []events.Rule
	for _, r := range all {
		if policy.InForce(r, b.now()) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(x, y events.Rule) int { return cmp.Compare(x.Name, y.Name) })
	return list, nil
}

// all reads the rules of the bucket, also those that have ended.
func (b *Book) all(ctx context.Context) (map[string]events.Rule, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, readTimeout, fault.New(fault.BusTimeout, "list the rules", nil))
	defer cancel()
	all := map[string]events.Rule{}
	err := b.kv.Watch(ctx, ">", func(e *bus.Entry) error {
		if e == nil {
			return errAll
		}
		b.note(all, e)
		return nil
	})
	switch {
	case errors.Is(err, errAll):
		return all, nil
	case ctx.Err() != nil:
		return nil, fault.From(context.Cause(ctx))
	}
	return nil, err
}

// Get returns a rule that is in force, from the bucket. Faults: rule.not_found and
// those of the bus.
func (b *Book) Get(ctx context.Context, name string) (events.Rule, error) {
	c, err := b.last(ctx, name)
	if err != nil {
		return events.Rule{}, err
	}
	if !holds(c, b.now()) {
		return events.Rule{}, fault.New(fault.RuleNotFound, name, nil)
	}
	return *c.Rule, nil
}

// History returns the changes of a rule that the bucket keeps, oldest first, also
// when it has been removed or has ended. Faults: rule.not_found when there was never
// one of that name, and those of the bus.
func (b *Book) History(ctx context.Context, name string) ([]events.RuleChange, error) {
	if !events.ValidToken(name) {
		return nil, fault.New(fault.RuleNotFound, fault.Clip(name, 64), nil)
	}
	entries, err := b.kv.History(ctx, name)
	if fault.Has(err, fault.BusNotFound) {
		return nil, fault.New(fault.RuleNotFound, name, nil)
	}
	if err != nil {
		return nil, err
	}
	var list []events.RuleChange
	for _, e := range entries {
		if e.Deleted { // by hand, with a tool of the broker
			list = append(list, events.RuleChange{
				Action: events.RuleRemove, Name: name, Reason: "deleted in the bucket", At: e.Time, Revision: e.Revision,
			})
			continue
		}
		c, err := decode(name, e.Value, e.Revision)
		if err != nil {
			b.o.Log.Error("a change of a rule cannot be read", "rule", name, "error", err)
			continue
		}
		list = append(list, c)
	}
	return list, nil
}

// last returns the newest change of a rule. Faults: rule.not_found when there was
// never one of that name; internal.bug; those of the bus.
func (b *Book) last(ctx context.Context, name string) (events.RuleChange, error) {
	if !events.ValidToken(name) {
		return events.RuleChange{}, fault.New(fault.RuleNotFound, fault.Clip(name, 64), nil)
	}
	value, revision, err := b.kv.Get(ctx, name)
	if fault.Has(err, fault.BusNotFound) {
		return events.RuleChange{}, fault.New(fault.RuleNotFound, name, nil)
	}
	if err != nil {
		return events.RuleChange{}, err
	}
	return decode(name, value, revision)
}
