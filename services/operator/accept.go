package operator

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// Start accepts an operation: it freezes the filter and stores the operation; whoever
// runs carries it out. The same request with the same key is accepted once: again is
// then true. Faults: operation.invalid (with an [Invalid]), operation.too_wide,
// operation.key_reused, those of the bus.
func (o *Operator) Start(
	ctx context.Context, tenant string, r api.OperationRequest, by, key string,
) (op api.Operation, again bool, err error) {
	if err := check(&r); err != nil {
		return op, false, err
	}
	print, err := fingerprint(r)
	if err != nil {
		return op, false, err
	}
	n := name{tenant, events.JobID(tenant, "operation\x00"+cmp.Or(key, rand.Text()))}
	if old, revision, err := o.store.head(ctx, n); err == nil {
		return o.accepted(ctx, old, revision, print)
	} else if !fault.Has(err, fault.OperationNotFound) {
		return op, false, err
	}
	h, err := o.prepare(ctx, n, r)
	if err != nil {
		return op, false, err
	}
	h.By, h.Fingerprint = by, print
	revision, err := o.store.put(ctx, n.head(), h, 0)
	if fault.Has(err, fault.BusFenced) {
		old, revision, err := o.store.head(ctx, n) // the same request was faster
		if err != nil {
			return op, false, err
		}
		return o.accepted(ctx, old, revision, print)
	}
	if err != nil {
		return op, false, err
	}
	o.Log.Info("operation accepted", "operation", h.ID, "tenant", tenant, "verb", r.Verb,
		"matched", h.Matched, "by", by, "reason", r.Reason)
	op, err = o.store.shown(ctx, h, revision)
	return op, false, err
}

// prepare freezes the filter and stores the items, under a name that nobody knows
// before the head does.
func (o *Operator) prepare(ctx context.Context, n name, r api.OperationRequest) (*head, error) {
	h := &head{
		ID: n.id, Tenant: n.tenant, Request: r, Frozen: strings.ToLower(rand.Text()),
		State: api.OperationRunning, AcceptedAt: now(),
	}
	h.ChangedAt = h.AcceptedAt
	last, err := o.Bus.Last(ctx, events.StreamEvents, events.AllEvents)
	switch {
	case err == nil:
		h.Since = last.Sequence
	case !fault.Has(err, fault.BusNotFound):
		return nil, err
	}
	ids, err := o.freeze(ctx, n.tenant, &r)
	if err != nil {
		return nil, err
	}
	h.Matched = len(ids)
	h.Request.Filter.IDs = shortened(r.Filter.IDs)
	chunk := 0
	for part := range slices.Chunk(ids, chunkSize) {
		if _, err := o.store.put(ctx, n.items(h.Frozen, chunk), part, 0); err != nil {
			return nil, err
		}
		chunk++
	}
	return h, nil
}

// shownIDs is how many named ids an operation repeats; its items have them all.
const shownIDs = 20

func shortened(ids []string) []string { return ids[:min(len(ids), shownIDs)] }

// accepted answers a request that was accepted before.
func (o *Operator) accepted(
	ctx context.Context, h *head, revision uint64, print string,
) (op api.Operation, again bool, err error) {
	if h.Fingerprint != print {
		return op, false, fault.New(fault.OperationKeyReused, "operation "+h.ID, nil)
	}
	op, err = o.store.shown(ctx, h, revision)
	return op, true, err
}

func fingerprint(r api.OperationRequest) (string, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return "", fault.New(fault.InternalBug, "encode an operation", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// Get returns an operation. Fault: operation.not_found.
func (o *Operator) Get(ctx context.Context, tenant, id string) (api.Operation, error) {
	h, revision, err := o.store.head(ctx, name{tenant, id})
	if err != nil {
		return api.Operation{}, err
	}
	return o.store.shown(ctx, h, revision)
}

// List returns the operations of a tenant, newest first.
func (o *Operator) List(ctx context.Context, tenant string) (api.OperationList, error) {
	list := api.OperationList{Operations: []api.Operation{}}
	var heads []*head
	var revisions []uint64
	err := o.store.each(ctx, tenant, func(h *head, revision uint64) {
		heads, revisions = append(heads, h), append(revisions, revision)
	})
	if err != nil {
		return list, err
	}
	for i, h := range heads {
		op, err := o.store.shown(ctx, h, revisions[i])
		if err != nil {
			return list, err
		}
		list.Operations = append(list.Operations, op)
	}
	slices.SortStableFunc(list.Operations, func(a, b api.Operation) int {
		return b.AcceptedAt.Compare(a.AcceptedAt)
	})
	return list, nil
}

// Items returns a page of the items of an operation. Faults: operation.not_found,
// http.bad_request for a cursor that is none.
func (o *Operator) Items(
	ctx context.Context, tenant, id string, q api.ItemQuery,
) (api.OperationItems, error) {
	page := api.OperationItems{Items: []api.OperationItem{}}
	h, _, err := o.store.head(ctx, name{tenant, id})
	if err != nil {
		return page, err
	}
	at, err := parseCursor(q.Cursor)
	if err != nil {
		return page, err
	}
	if q.Limit <= 0 {
		q.Limit = api.DefaultLimit
	}
	for chunk := at / chunkSize; chunk < h.chunks(); chunk++ {
		ids, results, _, err := o.store.chunk(ctx, h, chunk)
		if err != nil {
			return page, err
		}
		for i, id := range ids {
			n := chunk*chunkSize + i
			r := results[i]
			if n < at || q.State != "" && r.state() != q.State {
				continue
			}
			if len(page.Items) == q.Limit {
				page.NextCursor = formatCursor(n)
				return page, nil
			}
			page.Items = append(page.Items, r.shown(n, id))
		}
	}
	return page, nil
}

// A cursor is the item with which the next page begins, encoded so that nobody takes
// it for a number to count with.
const cursorPrefix = "v1:"

func formatCursor(n int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorPrefix + strconv.Itoa(n)))
}

func parseCursor(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(s)
	if digits, ok := strings.CutPrefix(string(data), cursorPrefix); err == nil && ok {
		if n, err := strconv.Atoi(digits); err == nil && n >= 0 {
			return n, nil
		}
	}
	return 0, fault.New(fault.HTTPBadRequest, "the cursor is none of this list", nil)
}
