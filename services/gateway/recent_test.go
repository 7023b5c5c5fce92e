package gateway

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// announced is a record as the broker announces it.
func announced(tenant, job string, place uint64, size int) *bus.Message {
	return &bus.Message{
		Subject: events.LiveSubject(tenant, job, events.KindJob), Stream: events.StreamEvents,
		Sequence: place, Data: make([]byte, size),
	}
}

// stored is a record as the log has it.
func stored(tenant, job string, place uint64) *bus.Message {
	return &bus.Message{
		Subject: events.EventSubject(tenant, "p", job, events.KindJob), Stream: events.StreamEvents, Sequence: place,
	}
}

// expectPlace fails unless the newest record of a job is that at a place, or with 0 unless
// there is none.
func expectPlace(t *testing.T, r *recent, tenant, job string, now time.Time, want uint64) {
	t.Helper()
	var got uint64
	if m := r.newest(tenant, job, now); m != nil {
		got = m.Sequence
	}
	if got != want {
		t.Errorf("newest of %s/%s at %s is %d, want %d", tenant, job, now.Format("15:04:05.0"), got, want)
	}
}

func TestRecentIsNewestAnnounced(t *testing.T) {
	t.Parallel()
	var r recent
	expectPlace(t, &r, "a", "j", noon, 0)
	r.hear(announced("a", "j", 7, 1), noon)
	r.hear(announced("b", "j", 8, 1), noon)
	r.hear(announced("a", "j", 9, 1), noon)
	r.hear(announced("a", "k", 10, 1), noon)
	expectPlace(t, &r, "a", "j", noon, 9)
	expectPlace(t, &r, "b", "j", noon, 8)
	expectPlace(t, &r, "b", "k", noon, 0)
	expectPlace(t, &r, "a", "j", noon.Add(freshFor), 9)
	expectPlace(t, &r, "a", "j", noon.Add(freshFor+1), 0)
	r.hear(announced("a", "k", 11, 1), noon.Add(time.Minute))
	expectPlace(t, &r, "a", "j", noon.Add(time.Minute), 9)
}

func TestRecentForgetsWhenAnnouncementsAreLost(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]uint64{"a gap": 12, "again": 10, "another log": 1} {
		var r recent
		r.hear(announced("a", "j", 9, 1), noon)
		r.hear(announced("a", "k", 10, 1), noon)
		r.hear(announced("a", "l", place, 1), noon)
		for _, job := range []string{"j", "k"} {
			if m := r.newest("a", job, noon); m != nil {
				t.Errorf("after %s: %s is still remembered", name, job)
			}
		}
		expectPlace(t, &r, "a", "l", noon, place)
	}
}

func TestRecentTakesNothingOlder(t *testing.T) {
	t.Parallel()
	var r recent
	r.hear(announced("a", "j", 10, 1), noon)
	r.learn(stored("a", "k", 9), noon) // there may be newer ones, announced and lost
	expectPlace(t, &r, "a", "k", noon, 0)
	r.learn(stored("a", "j", 13), noon)
	r.learn(stored("a", "j", 12), noon)
	expectPlace(t, &r, "a", "j", noon, 13)
	r.hear(announced("a", "k", 11, 1), noon)
	expectPlace(t, &r, "a", "j", noon, 13)
	r.hear(announced("a", "j", 12, 1), noon)
	expectPlace(t, &r, "a", "j", noon, 13)
	r.hear(announced("a", "j", 13, 1), noon)
	r.hear(announced("a", "j", 14, 1), noon)
	expectPlace(t, &r, "a", "j", noon, 14)
}

func TestRecentTakesNoRubbish(t *testing.T) {
	t.Parallel()
	var r recent
	r.hear(announced("a", "j", 1, 1), noon)
	forged := announced("a", "j", 2, 1)
	forged.Stream = "OTHER"
	r.hear(forged, noon)
	r.hear(announced("a", "j", 0, 1), noon)
	odd := announced("a", "j", 2, 1)
	odd.Subject = "millrace.live.a.*.job"
	r.hear(odd, noon)
	r.learn(odd, noon)
	expectPlace(t, &r, "a", "j", noon, 1)
}

// TestRecentIsBounded announces more than there is room for, and then nothing of most jobs
// for long.
func TestRecentIsBounded(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	var r recent
	var place uint64
	hear := func(job string, now time.Time) {
		place++
		r.hear(announced("a", job, place, size), now)
	}
	for i := range 200 {
		hear(fmt.Sprintf("j%d", i), noon)
		hear("busy", noon)
		if held := r.young.bytes + r.old.bytes; held > recentBytes {
			t.Fatalf("%d bytes are held, of %d at most", held, recentBytes)
		}
	}
	expectPlace(t, &r, "a", "j0", noon, 0)
	expectPlace(t, &r, "a", "j199", noon, 399)
	expectPlace(t, &r, "a", "busy", noon, 400)
	for i := range 4 {
		hear("busy", noon.Add(time.Duration(i)*(recentAge+1)))
	}
	expectPlace(t, &r, "a", "j199", noon.Add(3*(recentAge+1)), 0)
	expectPlace(t, &r, "a", "busy", noon.Add(3*(recentAge+1)), place)
}
