package identity

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// readTimeout bounds one look at the whole bucket.
const readTimeout = 10 * time.Second

// errAll ends a watch that was only to tell what there is.
var errAll = errors.New("all is read")

// Read makes the keys known that are in the bucket now. It is for the start, before
// [Keys.Run]. Faults: those of the bus.
func (k *Keys) Read(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readTimeout, fault.New(fault.BusTimeout, "read the keys", nil))
	defer cancel()
	err := k.watch(ctx, func() error { return errAll })
	switch {
	case errors.Is(err, errAll):
		return nil
	case ctx.Err() != nil:
		return fault.From(context.Cause(ctx))
	}
	return err
}

// Run keeps the keys up to date until ctx ends, and returns nil then. While the
// bucket cannot be read, those known last count. It is called once.
func (k *Keys) Run(ctx context.Context) error {
	var writer sync.WaitGroup
	defer writer.Wait()
	writer.Go(func() { k.writeMarks(ctx) })
	pause := k.o.Pause / 32
	for ctx.Err() == nil {
		read := false
		round, cancel := context.WithTimeout(ctx, k.o.Renew)
		err := k.watch(round, func() error { read = true; return nil })
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case read && errors.Is(err, context.DeadlineExceeded):
			pause = k.o.Pause / 32 // the regular end
			continue
		}
		k.o.Log.Warn("keys cannot be read; going on with those known", "error", err)
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
		pause = min(2*pause, k.o.Pause)
	}
	return nil
}

// watch reads all keys and then every change. whole is called when all are known.
func (k *Keys) watch(ctx context.Context, whole func() error) error {
	list, read := known{}, false
	return k.kv.Watch(ctx, ">", func(e *bus.Entry) error {
		if e == nil {
			read = true
			k.set(list)
			return whole()
		}
		if err := list.note(e); err != nil {
			k.o.Log.Error("a key cannot be read", "error", err)
		}
		if read { // before, some are missing
			k.set(list)
		}
		return nil
	})
}

// set makes the keys those that count from now on.
func (k *Keys) set(list known) {
	all := maps.Clone(list)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.overlay(all)
}

// overlay makes the keys those that count, with what was written here and has not
// come back yet. The caller holds the lock.
func (k *Keys) overlay(all known) {
	for id, c := range k.mine {
		if all[id].revision >= c.revision {
			delete(k.mine, id)
			continue
		}
		c.UsedAt = all[id].UsedAt
		all[id] = c
	}
	k.all = all
}

// note lets it be written down, for each hour, that a key is used.
func (k *Keys) note(c credential, now time.Time) {
	hour := now.UTC().Truncate(time.Hour)
	if !c.UsedAt.Before(hour) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.last[c.ID].Before(hour) {
		return
	}
	select {
	case k.used <- mark{c.ID, hour}:
		k.last[c.ID] = hour
	default: // the next use says so
	}
}

// writeMarks writes down which keys are used. What is lost is only that.
func (k *Keys) writeMarks(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-k.used:
			if _, err := k.kv.Put(ctx, usedPrefix+m.id, []byte(m.at.Format(time.RFC3339))); err != nil {
				k.o.Log.Debug("the use of a key cannot be written down", "key", m.id, "error", err)
			}
		}
	}
}
