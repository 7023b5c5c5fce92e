package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/millrace/term"
)

// upload sends the local files, one after the other, and returns the sources of
// the submission. It shows bars on a terminal and a line per file elsewhere.
func (p *Program) upload(ctx context.Context, c *client.Client, inputs []input, plain bool) ([]events.Source, error) {
	show := newUploadView(p, plain)
	defer show.end()
	var sources []events.Source
	for _, in := range inputs {
		if !in.local() {
			sources = append(sources, in.source)
			continue
		}
		show.begin(in)
		start := time.Now()
		f, err := p.uploadOne(ctx, c, in, show.progress)
		if err != nil {
			return nil, err
		}
		show.done(f, time.Since(start))
		sources = append(sources, events.Source{Name: f.Name, Digest: f.Digest, Size: f.Size, MediaType: f.MediaType})
	}
	return sources, nil
}

func (p *Program) uploadOne(
	ctx context.Context, c *client.Client, in input, progress func(sent, total int64),
) (events.File, error) {
	u := client.Upload{Name: in.name, Progress: progress}
	if in.stdin {
		return c.Upload(ctx, p.In, u)
	}
	return c.UploadFile(ctx, in.path, u)
}

// uploadView shows how far an upload is.
type uploadView struct {
	p           *Program
	live        *term.Live
	paint       term.Paint
	mu          sync.Mutex
	name        string
	sent, total int64
	start       time.Time
}

// newUploadView returns a view; a live one when standard error is a terminal.
func newUploadView(p *Program, plain bool) *uploadView {
	v := &uploadView{p: p, paint: term.Paint{On: term.CanColor(p.Err, p.Getenv)}}
	if !plain && !p.asJSON() && term.CanRedraw(p.Err, p.Getenv) {
		v.live = term.NewLive(p.Err, v.draw)
	}
	return v
}

func (v *uploadView) begin(in input) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.name, v.sent, v.total, v.start = in.name, 0, in.size, time.Now()
}

func (v *uploadView) progress(sent, total int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sent, v.total = sent, max(total, 0)
}

// done tells of one file that is there.
func (v *uploadView) done(f events.File, took time.Duration) {
	text := fmt.Sprintf("uploaded %s, %s in %s", f.Name, term.Bytes(f.Size), term.Took(took))
	switch {
	case v.live != nil:
		v.live.Print(term.Name + ": " + text)
	case !v.p.asJSON():
		v.p.talk.Say("%s", text)
	}
}

// end clears the bar away.
func (v *uploadView) end() {
	v.mu.Lock()
	v.name = ""
	v.mu.Unlock()
	if v.live != nil {
		if err := v.live.Stop(); err != nil && !errors.Is(err, context.Canceled) {
			v.p.talk.Warn("the terminal: %s", err.Error())
		}
	}
}

func (v *uploadView) draw(width, frame int) []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.name == "" {
		return nil
	}
	took := time.Since(v.start)
	figures := fmt.Sprintf("%s  %s", term.Bytes(v.sent), term.Rate(v.sent, took))
	name := term.Short(term.Clean(v.name), max(width/3, 8))
	if v.total == 0 {
		return []string{term.Spinner(frame) + " " + name + "  " + figures}
	}
	bar := max(min(30, width-len(name)-len(figures)-6), 4)
	return []string{name + "  " + v.paint.Good(term.Bar(bar, v.sent, v.total)) + "  " + figures}
}
