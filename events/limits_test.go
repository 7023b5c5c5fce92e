package events_test

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
)

// TestTimersMeetNowhere: no timer of a limit is taken for another one, and all
// timers of a job are found.
func TestTimersMeetNowhere(t *testing.T) {
	t.Parallel()
	subjects := map[string]string{}
	ids := map[string]string{}
	for name, step := range map[string]string{"a step": "pack", "one that looks like none": events.WholeJob, "another": "total"} {
		subjects[events.TimerSubject("t", "j", step)] = name
		subjects[events.LimitSubject("t", "j", step, events.LimitTotal)] = name
		ids[events.TimerID("t", "j", step, 0, 0)] = name
		ids[events.LimitID("t", "j", step, events.LimitTotal, 0)] = name
		ids[events.LimitID("t", "j", step, events.LimitTotal, 7)] = name
	}
	subjects[events.LimitSubject("t", "j", events.WholeJob, events.LimitDeadline)] = "the job"
	ids[events.LimitID("t", "j", events.WholeJob, events.LimitDeadline, 0)] = "the job"
	if len(subjects) != 7 || len(ids) != 10 {
		t.Errorf("two share one of %v or %v", subjects, ids)
	}
	prefix := strings.TrimSuffix(events.TimersOf("t", "j"), "*")
	for s := range subjects {
		if rest, ok := strings.CutPrefix(s, prefix); !ok || rest == "" || strings.Contains(rest, ".") {
			t.Errorf("%s is not among %s", s, events.TimersOf("t", "j"))
		}
	}
}

func TestBreakerKey(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{}
	for _, worker := range []string{"a", "b", "host.example:1*>"} {
		for _, dependency := range []string{"http:[::1]:80", "s3:x y", "a", "b"} {
			key := events.BreakerKey(worker, dependency)
			keys[key] = true
			for _, word := range strings.Split(key, ".") {
				if !events.ValidToken(word) {
					t.Errorf("key %q of %q and %q", key, worker, dependency)
				}
			}
		}
	}
	if len(keys) != 12 {
		t.Errorf("%d keys, want 12", len(keys))
	}
}
