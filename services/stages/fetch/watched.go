package fetch

import (
	"io"
	"time"
)

// watched is a reader that is given up when it yields nothing for too long. What
// whoever reads does in between takes as long as it likes.
type watched struct {
	r     io.Reader
	stall time.Duration
	timer *time.Timer
}

// newWatched calls stalled, once, when a read of r takes longer than stall.
func newWatched(r io.Reader, stall time.Duration, stalled func()) *watched {
	w := &watched{r: r, stall: stall, timer: time.AfterFunc(stall, stalled)}
	w.timer.Stop()
	return w
}

func (w *watched) Read(p []byte) (int, error) {
	w.timer.Reset(w.stall)
	defer w.timer.Stop()
	return w.r.Read(p)
}

func (w *watched) stop() { w.timer.Stop() }
