package command

import (
	"context"
	"encoding/json"
	"io"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// made is what a run has left: files, or with pass the end of what it printed. As
// JSON it is the receipt of the run.
type made struct {
	Files  []events.File `json:"files,omitempty"`
	Stdout string        `json:"stdout,omitempty"`
	// Kept is the digest of the artifact that has the rest, when there is more than
	// a receipt has room for.
	Kept string `json:"kept,omitempty"`
}

// maxReceipt is how long a receipt may be, in bytes.
const maxReceipt = 4 << 10

// key stands for the run: in every attempt, and in its undo.
func (r *run) key() string {
	return events.EffectID(r.task.Tenant, r.task.Job, r.task.Step, r.name)
}

// once does the run. Of a step with an undo it is noted that the run begins, and
// one that has ended well is not done again.
func (r *run) once(ctx context.Context) (made, error) {
	if r.cfg.Undo == nil {
		return r.do(ctx)
	}
	var now *made
	receipt, err := r.task.Repeat(ctx, r.name, func(ctx context.Context, _ string) (string, error) {
		m, err := r.do(ctx)
		switch {
		case err == nil:
			now = &m
			return m.receipt(ctx, r.task.Store)
		case !r.started:
			err = checkpoint.NotDone(err)
		}
		return "", err
	})
	switch {
	case err != nil:
		return made{}, err
	case now != nil:
		return *now, nil
	}
	r.meter.Add(stage.Size(r.files))
	return readReceipt(ctx, r.task.Store, receipt)
}

// receipt is m as the ledger keeps it.
func (m made) receipt(ctx context.Context, store *artifact.Store) (string, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return "", fault.New(fault.InternalBug, "encode a receipt", err)
	}
	if len(data) <= maxReceipt {
		return string(data), nil
	}
	w := store.Create(ctx, &artifact.PutOptions{Name: "receipt.json", MediaType: "application/json"})
	defer w.Abort()
	if _, err := w.Write(data); err != nil {
		return "", err
	}
	f, err := w.Commit()
	if err != nil {
		return "", err
	}
	return made{Kept: f.Digest}.receipt(ctx, store)
}

// readReceipt reads what a run has left.
func readReceipt(ctx context.Context, store *artifact.Store, receipt string) (m made, err error) {
	if err := json.Unmarshal([]byte(receipt), &m); err != nil {
		return m, fault.New(fault.InternalBug, "read a receipt", err)
	}
	if m.Kept == "" {
		return m, nil
	}
	content, err := store.Open(ctx, m.Kept)
	if err != nil {
		return m, err
	}
	defer content.Close()
	data, err := io.ReadAll(content)
	if err != nil {
		return m, err
	}
	var whole made
	if err := json.Unmarshal(data, &whole); err != nil {
		return m, fault.New(fault.InternalBug, "read a receipt", err)
	}
	return whole, nil
}
