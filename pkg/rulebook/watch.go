package rulebook

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/policy"
)

// Run keeps the book up to date until ctx ends, and returns nil then. While the
// bucket cannot be read, the rules stay as they are. It is called once.
func (b *Book) Run(ctx context.Context) error {
	pause := b.o.Pause / 32
	for ctx.Err() == nil {
		read, err := b.follow(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case read && errors.Is(err, context.DeadlineExceeded):
			pause = b.o.Pause / 32 // the regular end
			continue
		}
		b.o.Log.Warn("rules cannot be read; going on with those known", "rules", b.Rules().Len(), "error", err)
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
		pause = min(2*pause, b.o.Pause)
	}
	return nil
}

// follow reads all rules and then every change, until it is time to read all of them
// again. read reports whether it came so far that all were known.
func (b *Book) follow(ctx context.Context) (read bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.o.Renew)
	defer cancel()
	list := map[string]events.Rule{}
	err = b.kv.Watch(ctx, ">", func(e *bus.Entry) error {
		if e == nil {
			read = true
		} else {
			b.note(list, e)
		}
		if read { // before, some are missing
			b.compile(slices.Collect(maps.Values(list)))
		}
		return nil
	})
	return read, err
}

// note puts an entry of the bucket into a list of rules. One that cannot be read is
// left out.
func (b *Book) note(list map[string]events.Rule, e *bus.Entry) {
	delete(list, e.Key)
	if e.Deleted {
		return
	}
	c, err := decode(e.Key, e.Value, e.Revision)
	if err != nil {
		b.o.Log.Error("a rule cannot be read", "rule", e.Key, "error", err)
		return
	}
	if c.Action == events.RuleSet {
		list[e.Key] = *c.Rule
	}
}

// compile makes the rules those that are asked from now on.
func (b *Book) compile(list []events.Rule) {
	r, err := policy.Compile(list)
	if err != nil {
		b.o.Log.Error("some rules cannot be used", "error", err)
	}
	b.rules.Store(r)
}
