package projector

import (
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/jobview"
)

// state is what a projector knows of its view.
type state struct {
	mu         sync.Mutex
	writer     bool
	generation int64
	at         uint64 // the position of the view that serves
	newest     uint64
	void       uint64    // until there the log holds nothing that the view does not
	waits      time.Time // when the record after at was stored; zero is not known
	target     uint64    // the newest record when Run looked first
	begun      bool
	problem    string
	building   *api.Building
	moved      chan struct{} // closed when at moves
}

// begin notes what a session starts with.
func (s *state) begin(writer bool, generation int64, building *jobview.View, at, newest uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writer, s.generation, s.building, s.void = writer, generation, nil, 0
	if building != nil {
		s.building = &api.Building{Generation: building.Generation}
	}
	if !s.begun {
		s.begun, s.target, s.problem = true, newest, ""
	}
	s.at, s.newest = at, max(newest, at)
	s.shift()
}

// shift tells those who wait that the position has moved.
func (s *state) shift() {
	close(s.moved)
	s.moved = make(chan struct{})
}

// advance notes that a batch was written.
func (s *state) advance(generation int64, at uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.building != nil && s.building.Generation == generation {
		s.building.Sequence = at
		return
	}
	s.at, s.newest, s.waits = at, max(s.newest, at), time.Time{}
	s.problem = ""
	s.shift()
}

// look notes what was seen of the log and of the view.
func (s *state) look(at, newest uint64, waits time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at > s.at {
		s.at = at
		s.shift()
	}
	s.newest, s.waits = max(newest, s.at), waits
	if s.at >= s.newest {
		s.problem, s.waits = "", time.Time{}
	}
}

// nothing notes that what came after the view's position was removed, until a place in
// the log.
func (s *state) nothing(until uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.void = until
	s.shift()
}

// trouble notes why the view does not move.
func (s *state) trouble(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem = fault.Clip(fault.From(err).Message(), 300)
}

func (s *state) position() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *state) isWriter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writer
}

// reached reports whether the view holds what was there when Run looked first.
func (s *state) reached() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun && (s.at >= s.target || s.at >= s.newest)
}

// caughtUp reports whether a position is as good as that of the view that serves.
func (s *state) caughtUp(at uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return at >= s.at
}

// moves reports whether the view takes in what the log holds, as far as is known.
func (s *state) moves() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun && s.problem == ""
}

// wait returns a channel that is closed when the position moves, or nil when it is at
// a place already, or will not be there soon.
func (s *state) wait(until uint64) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if max(s.at, s.void) >= until || until-s.at > catchUpRecords || s.problem != "" {
		return nil
	}
	return s.moved
}

// view is what there is to say of the view.
func (s *state) view(now time.Time) api.View {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := api.View{Generation: s.generation, Newest: s.newest, Writer: s.writer}
	v.Sequence, v.Lag = s.at, s.newest-min(s.newest, s.at)
	v.Stale, v.Problem = s.problem != "", s.problem
	if v.Lag > 0 && !s.waits.IsZero() {
		v.LagSeconds = max(now.Sub(s.waits).Seconds(), 0)
	}
	if s.building != nil {
		b := *s.building
		v.Building = &b
	}
	return v
}
