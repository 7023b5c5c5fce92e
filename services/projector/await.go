package projector

import (
	"context"
	"time"

	"github.com/millrace/millrace/events"
)

const (
	// catchUp is how long a question waits for what the log held when it was asked.
	catchUp = 2 * time.Second
	// catchUpRecords is how far behind the view may be for that to be worth the while:
	// what it takes in within a quarter of the time.
	catchUpRecords = 4096
	// lookEvery is how often it is looked what another process has written, while a
	// question waits.
	lookEvery = 10 * time.Millisecond
)

// await waits for the view to hold what the log held when it was asked, so that who
// asks for a list after an answer finds in it what the answer has told. It gives up when
// that takes too long, or the view does not move; the answer says how old it is.
func (p *Projector) await(ctx context.Context) {
	if !p.state.moves() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, catchUp)
	defer cancel()
	log, err := p.Bus.Extent(ctx, events.StreamEvents)
	if err != nil {
		return
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		moved := p.state.wait(log.Last)
		if moved == nil {
			return
		}
		select {
		case <-moved:
		case <-look.C:
			wake(p.nudge)
		case <-ctx.Done():
			return
		}
	}
}
