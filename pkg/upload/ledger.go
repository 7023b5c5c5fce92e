package upload

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// Keys of the bucket. An upload is under the one, what became of it under the other:
// so open uploads can be counted without looking at those that are done.
const (
	openPrefix = "open."
	donePrefix = "done."
)

// ledger is the bucket.
type ledger struct{ kv KV }

// begin stores a new upload.
func (l ledger) begin(ctx context.Context, tenant, id string, r *record) (uint64, error) {
	data, err := encode(r)
	if err != nil {
		return 0, err
	}
	return l.kv.Create(ctx, openPrefix+tenant+"."+id, data)
}

// find returns an upload, or what became of it. Fault: upload.not_found.
func (l ledger) find(ctx context.Context, tenant, id string) (r *record, rev uint64, o *outcome, err error) {
	data, rev, err := l.kv.Get(ctx, openPrefix+tenant+"."+id)
	if err == nil {
		r = &record{}
		return r, rev, nil, decode(data, r)
	}
	if !fault.Has(err, fault.BusNotFound) {
		return nil, 0, nil, err
	}
	// The outcome is stored before the upload is removed.
	data, _, err = l.kv.Get(ctx, donePrefix+tenant+"."+id)
	if fault.Has(err, fault.BusNotFound) {
		return nil, 0, nil, fault.New(fault.UploadNotFound, "", nil)
	}
	if err != nil {
		return nil, 0, nil, err
	}
	o = &outcome{}
	return nil, 0, o, decode(data, o)
}

// save stores how far an upload is. Fault: upload.wrong_offset when another request
// has moved or ended it.
func (l ledger) save(ctx context.Context, tenant, id string, r *record, rev uint64) (uint64, error) {
	data, err := encode(r)
	if err != nil {
		return 0, err
	}
	rev, err = l.kv.Update(ctx, openPrefix+tenant+"."+id, data, rev)
	if fault.Has(err, fault.BusFenced) {
		return 0, fault.New(fault.UploadWrongOffset, "another request has moved it", nil)
	}
	return rev, err
}

// end stores what became of an upload, and then forgets the upload. It may be called
// again.
func (l ledger) end(ctx context.Context, tenant, id string, o *outcome) error {
	data, err := encode(o)
	if err != nil {
		return err
	}
	if _, err := l.kv.Put(ctx, donePrefix+tenant+"."+id, data); err != nil {
		return err
	}
	return l.kv.Delete(ctx, openPrefix+tenant+"."+id)
}

// open counts the uploads of a tenant that have not ended.
func (l ledger) open(ctx context.Context, tenant string) (int, error) {
	keys, err := l.kv.Matching(ctx, openPrefix+tenant+".*")
	return len(keys), err
}

// held is an upload in the bucket.
type held struct {
	tenant, id string
	rev        uint64
	*record
}

// those returns the open uploads that a caller wants.
func (l ledger) those(ctx context.Context, want func(*record) bool) (list []held, err error) {
	err = l.kv.Each(ctx, openPrefix+">", func(e *bus.Entry) error {
		tenant, id, ok := strings.Cut(strings.TrimPrefix(e.Key, openPrefix), ".")
		r := &record{}
		if !ok || decode(e.Value, r) != nil {
			return nil // nobody can do anything about it; the bucket forgets it
		}
		if want(r) {
			list = append(list, held{tenant, id, e.Revision, r})
		}
		return nil
	})
	return list, err
}

func decode(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fault.New(fault.InternalBug, "decode an upload", err)
	}
	return nil
}
