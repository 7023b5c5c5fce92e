package artifact

import "context"

// prefetch reads and checks the next block while the one before is used. It
// has two blocks: whoever does not use one has it.
type prefetch struct {
	b      *blockReader
	cancel context.CancelFunc
	blocks chan result
	free   chan []byte
	done   chan struct{} // closed when the goroutine has ended
}

// result is a block or the error in its place.
type result struct {
	block []byte
	err   error
}

// newPrefetch takes b over. The goroutine starts with the first block asked for.
func newPrefetch(b *blockReader) *prefetch {
	p := &prefetch{b: b, blocks: make(chan result), free: make(chan []byte, 2)}
	b.ctx, p.cancel = context.WithCancel(b.ctx)
	return p
}

func (p *prefetch) next(used []byte) ([]byte, error) {
	if p.done == nil {
		p.done = make(chan struct{})
		p.free <- nil
		p.free <- nil
		go p.run()
	} else if used != nil {
		p.free <- used
	}
	select {
	case r := <-p.blocks:
		return r.block, r.err
	case <-p.done:
		return nil, ended(p.b.ctx)
	}
}

func (p *prefetch) run() {
	defer close(p.done)
	defer p.b.close()
	for {
		var used []byte
		select {
		case used = <-p.free:
		case <-p.b.ctx.Done():
			return
		}
		block, err := p.b.next(used)
		select {
		case p.blocks <- result{block, err}:
		case <-p.b.ctx.Done():
			p.recycle(block)
			return
		}
		if err != nil {
			return
		}
	}
}

func (p *prefetch) close() {
	p.cancel()
	if p.done == nil {
		return
	}
	<-p.done
	for {
		select {
		case b := <-p.free:
			p.recycle(b)
		default:
			return
		}
	}
}

func (p *prefetch) recycle(b []byte) {
	if b != nil {
		p.b.s.buffers.put(b)
	}
}
