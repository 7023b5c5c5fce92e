package cli

import (
	"context"
	"errors"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/millrace/term"
	"github.com/millrace/millrace/services/millrace/watch"
)

// watchObject is one line of a watched job under -o json: a record, progress, or
// the end.
type watchObject struct {
	Type string `json:"type"`
	Job  string `json:"job"`
	// Seq is the place of a record in the log; watching can resume after it.
	Seq      uint64           `json:"seq,omitempty"`
	Record   *events.Record   `json:"record,omitempty"`
	Progress *events.Progress `json:"progress,omitempty"`
	State    events.JobState  `json:"state,omitempty"`
	Revision uint64           `json:"revision,omitempty"`
}

// halted reports whether nothing more happens to a job without a person: it is final,
// or in attention, or paused and what had begun has ended.
func halted(j events.Job) bool {
	if j.State != events.JobPaused {
		return flow.Final(j.State) || j.State == events.JobAttention
	}
	for _, st := range j.Steps {
		if st.State == events.StepQueued || st.Undo != nil && st.Undo.State == events.UndoQueued {
			return false
		}
	}
	return true
}

// follow shows what happens to a job until it has halted, then prints it, and
// returns what its state means for the exit code. It goes on across a restart of
// the server.
func (p *Program) follow(ctx context.Context, c *client.Client, id string, order []string, plain bool) error {
	show := p.newFollower(order, plain)
	err := p.followEvents(ctx, c, id, show)
	show.end()
	if err != nil {
		return err
	}
	j, err := c.Job(ctx, id)
	if err != nil {
		return err
	}
	if p.asJSON() {
		if j.Job.State == events.JobCompleted {
			return nil
		}
		return &jobEnded{j.Job.State}
	}
	return p.conclude(j, order)
}

// followEvents shows events until the last one, or until the job needs a person.
func (p *Program) followEvents(ctx context.Context, c *client.Client, id string, show *follower) error {
	for e, err := range c.Watch(ctx, id, 0) {
		if err != nil {
			return err
		}
		if err := show.event(id, e); err != nil {
			return err
		}
		if e.Record == nil || flow.Final(e.Record.Job.State) || !halted(e.Record.Job) {
			continue
		}
		// The record may be old news: only the job knows.
		j, err := c.Job(ctx, id)
		if err != nil {
			return err
		}
		if j.Revision == e.Record.Revision {
			return nil
		}
	}
	return nil
}

// follower shows the events of one job in one of three ways: lines of JSON,
// lines of text, or a picture that is redrawn.
type follower struct {
	p       *Program
	tracker *watch.Tracker
	live    *term.Live
}

// newFollower starts to show; the caller calls end.
func (p *Program) newFollower(order []string, plain bool) *follower {
	f := &follower{p: p, tracker: watch.New(order)}
	if plain || p.asJSON() || !term.CanRedraw(p.Err, p.Getenv) {
		return f
	}
	paint := term.Paint{On: term.CanColor(p.Err, p.Getenv)}
	f.live = term.NewLive(p.Err, func(width, frame int) []string {
		return f.tracker.View().Lines(watch.Look{Width: width, Frame: frame, Now: time.Now(), Paint: paint})
	})
	return f
}

// event shows one event.
func (f *follower) event(id string, e client.Event) error {
	if f.p.asJSON() {
		return writeJSON(f.p.Out, watched(id, e))
	}
	var news []string
	switch {
	case e.Record != nil:
		news = f.tracker.Record(*e.Record)
	case e.Progress != nil:
		if line := f.tracker.Progress(*e.Progress); line != "" {
			news = []string{line}
		}
	}
	if f.live != nil {
		return nil
	}
	for _, line := range news {
		if err := written(lines(f.p.Out, "%s\n", line)); err != nil {
			return err
		}
	}
	return nil
}

// end stops the picture.
func (f *follower) end() {
	if f.live == nil {
		return
	}
	if err := f.live.Stop(); err != nil && !errors.Is(err, context.Canceled) {
		f.p.talk.Warn("the terminal: %s", err.Error())
	}
}

func watched(id string, e client.Event) watchObject {
	switch {
	case e.Record != nil:
		return watchObject{Type: "job.event", Job: id, Seq: e.ID, Record: e.Record}
	case e.Progress != nil:
		return watchObject{Type: "job.progress", Job: id, Progress: e.Progress}
	}
	end := api.End{}
	if e.End != nil {
		end = *e.End
	}
	return watchObject{Type: "job.end", Job: id, State: end.State, Revision: end.Revision}
}
