package mill

import (
	"context"
	"errors"
	"fmt"
)

// part is something that runs until it is told to stop, and has an owner that
// waits for it.
type part struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// parts are running parts in the order of their start. They stop in the reverse
// order, one after the other, so that what a part still needs is there.
type parts struct {
	list   []*part
	failed chan *part
}

func newParts() *parts { return &parts{failed: make(chan *part, 16)} }

// start runs a part. Values of ctx reach it, its end does not: stop ends it.
func (p *parts) start(ctx context.Context, name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	one := &part{name: name, cancel: cancel, done: make(chan struct{})}
	p.list = append(p.list, one)
	go func() {
		defer close(one.done)
		one.err = run(ctx)
		if ctx.Err() == nil {
			if one.err == nil {
				one.err = errors.New("it ended by itself")
			}
			p.failed <- one
		}
	}()
}

// wait returns when ctx ends, or when a part ends by itself, with its error.
func (p *parts) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case one := <-p.failed:
		<-one.done
		return fmt.Errorf("%s: %w", one.name, one.err)
	}
}

// stop ends every part, the last started first, and returns what they
// complained of.
func (p *parts) stop() error {
	var errs []error
	for i := len(p.list) - 1; i >= 0; i-- {
		one := p.list[i]
		one.cancel()
		<-one.done
		if one.err != nil && !errors.Is(one.err, context.Canceled) {
			errs = append(errs, fmt.Errorf("%s: %w", one.name, one.err))
		}
	}
	return errors.Join(errs...)
}
