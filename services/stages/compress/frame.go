package compress

import (
	"context"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// frameSize is how much content a frame holds. It is part of what the output
// looks like. A frame that is compressed when a crash comes is compressed again:
// twice the size would gain 2 % on program text, and cost that much more.
const frameSize = 2 << 20

// frame is a part of the content and what becomes of it.
type frame struct {
	in, out []byte
	done    chan struct{} // closed when out is there
	broken  any           // what the encoder panicked with
}

// queue is the frames of one file that are being compressed, in order. Each
// holds a slot of the stage.
type queue struct {
	c *compressor
	l *level
	w io.Writer
	// written is called after each frame with how much content was in it.
	written func(content int64) error
	pending []*frame
}

// next returns an empty frame for size bytes. When all slots are taken it
// first writes out what is finished, and only waits for other tasks when it
// holds nothing that they could be waiting for.
func (q *queue) next(ctx context.Context, size int64) (*frame, error) {
	for {
		select {
		case q.c.slots <- struct{}{}:
			return q.frame(size), nil
		default:
		}
		if len(q.pending) > 0 {
			if err := q.pop(); err != nil {
				return nil, err
			}
			continue
		}
		select {
		case q.c.slots <- struct{}{}:
			return q.frame(size), nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// frame returns a frame for size bytes that holds a slot already.
func (q *queue) frame(size int64) *frame {
	if size < frameSize {
		return &frame{in: make([]byte, size)}
	}
	if f, ok := q.c.frames.Get().(*frame); ok {
		return f
	}
	return &frame{in: make([]byte, frameSize), out: make([]byte, 0, frameSize+frameSize/64)}
}

// put gives a frame and its slot back.
func (q *queue) put(f *frame) {
	if len(f.in) == frameSize {
		q.c.frames.Put(f)
	}
	<-q.c.slots
}

// start compresses f in the background; pop and abandon wait for it.
func (q *queue) start(f *frame) {
	f.done = make(chan struct{})
	q.pending = append(q.pending, f)
	go func() {
		defer close(f.done)
		defer func() { f.broken = recover() }() // pop panics in its place
		f.out = q.l.encode(f.in, f.out[:0])
	}()
}

// pop waits for the oldest frame and writes it.
func (q *queue) pop() error {
	f := q.pending[0]
	q.pending = q.pending[1:]
	<-f.done
	defer q.put(f)
	if f.broken != nil {
		panic(f.broken)
	}
	if _, err := q.w.Write(f.out); err != nil {
		return err
	}
	return q.written(int64(len(f.in)))
}

// flush writes all frames.
func (q *queue) flush() error {
	for len(q.pending) > 0 {
		if err := q.pop(); err != nil {
			return err
		}
	}
	return nil
}

// abandon waits for all frames and drops them.
func (q *queue) abandon() {
	for _, f := range q.pending {
		<-f.done
		q.put(f)
	}
	q.pending = nil
}

// level is a way to compress, with its idle encoders.
type level struct {
	speed    zstd.EncoderLevel
	encoders sync.Pool
}

// encode appends the frame of in to out. A given content gives the same frame
// whichever encoder compresses it.
func (l *level) encode(in, out []byte) []byte {
	e, _ := l.encoders.Get().(*zstd.Encoder)
	if e == nil {
		e = l.newEncoder()
	}
	defer l.encoders.Put(e)
	return e.EncodeAll(in, out)
}

func (l *level) newEncoder() *zstd.Encoder {
	e, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(l.speed),
		zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(frameSize),
		zstd.WithLowerEncoderMem(true),
		zstd.WithZeroFrames(true),
		// Text without repetitions, such as base64, shrinks by its letters alone.
		zstd.WithAllLitEntropyCompression(true),
	)
	if err != nil {
		panic("compress: options that are constant are refused: " + err.Error())
	}
	return e
}
