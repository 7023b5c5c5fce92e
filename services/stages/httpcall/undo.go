package httpcall

import (
	"context"
	"net/http"

	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/stage"
)

// Compensate takes back the calls that were made, the last one first, if the step
// says how. Calls that are open are settled first.
func (c *caller) Compensate(ctx context.Context, t *stage.Task, _ stage.Result) error {
	w, err := c.work(t)
	if err != nil {
		return err
	}
	for n := w.calls - 1; n >= 0; n-- {
		if err := w.takeBack(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// takeBack takes call n back, if it was made.
func (w *work) takeBack(ctx context.Context, n int) error {
	rq, err := w.request(n)
	if err != nil {
		return err
	}
	call := &attempted{work: w, key: w.key("call", n), request: rq}
	look := call.verify(w.id(n))
	if w.cfg.honoursKeys() && w.cfg.Undo == nil {
		look = nil // it would make a call that nothing takes back
	}
	if _, made, err := w.task.Checkpoints.Settle(ctx, call.key, look); !made || err != nil {
		return err
	}
	if w.cfg.Undo == nil {
		return nil
	}
	if rq, err = w.undoRequest(n); err != nil {
		return err
	}
	back := &attempted{work: w, key: w.key("undo", n), request: rq}
	back.begin()
	var again checkpoint.Verify
	if w.undoMayRepeat() {
		again = back.repeat
	}
	_, err = w.task.Effect(ctx, back.key, back.do, again)
	return err
}

// undoMayRepeat reports whether the other side may be told twice.
func (w *work) undoMayRepeat() bool {
	if said := w.cfg.Undo.Idempotent; said != nil {
		return *said
	}
	m := w.cfg.Undo.Method
	return m == http.MethodPut || m == http.MethodDelete || w.cfg.honoursKeys()
}
