package watch

import (
	"testing"
	"time"

	"github.com/millrace/millrace/events"
)

func TestPaceAndWhatIsLeft(t *testing.T) {
	t.Parallel()
	tracker := New(nil)
	tracker.Record(record(1, 0, events.JobRunning, map[string]events.Step{"pack": {State: events.StepQueued, Attempt: 1}}))
	for i := range 30 { // twice as fast in the second half
		done := int64(i)
		if i > 15 {
			done += int64(i - 15)
		}
		tracker.Progress(events.Progress{Step: "pack", Attempt: 1, Done: done, Total: 103, Time: at(1000 * i)})
	}
	s := tracker.View().Steps[0]
	if s.Rate != 2 || s.Left() != 30*time.Second {
		t.Errorf("%v a second, %v left", s.Rate, s.Left())
	}
	tracker.Progress(events.Progress{Step: "pack", Attempt: 1, Done: 1, Total: 103, Time: at(31000)})
	if s := tracker.View().Steps[0]; s.Rate != 0 || s.Left() != 0 {
		t.Errorf("begun anew: %v a second, %v left", s.Rate, s.Left())
	}
}
