package pressure

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

const mib = 1 << 20

func TestMarks(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Mark{"off": {}, "1GiB": {Bytes: 1 << 30}, "5%": {Percent: 5}, "0.5%": {Percent: 0.5}} {
		if got, err := ParseMark(text); err != nil || got != want {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "0%", "100%", "x%", "NaN%", "-5%", "much"} {
		if m, err := ParseMark(text); err == nil {
			t.Errorf("%q is %+v", text, m)
		}
	}
	if got := (Mark{Percent: 5}).Of(1000); got != 50 {
		t.Errorf("5%% of 1000 is %d", got)
	}
}

// TestLevels fills a disk and makes room again, step by step.
func TestLevels(t *testing.T) {
	t.Parallel()
	space := Space{Free: 1000 * mib, Total: 1000 * mib}
	w := New(Options{
		Dirs: []string{"x"}, Low: Mark{Percent: 20}, Park: Mark{Bytes: 100 * mib},
		Space: func(string) (Space, error) { return space, nil },
	})
	for i, c := range []struct {
		free int64
		want Level
	}{
		{1000, OK},
		{200, OK},
		{199, Low},
		{249, Low},
		{250, OK},
		{199, Low},
		{100, Low},
		{99, Parked},
		{124, Parked},
		{125, Low},
		{249, Low},
		{250, OK},
		{50, Parked},
		{900, OK},
	} {
		space.Free = c.free * mib
		w.Look()
		level, detail := w.State()
		if level != c.want || (detail == "") != (level == OK) {
			t.Errorf("%d: with %d MiB it is %s, want %s: %q", i, c.free, level, c.want, detail)
		}
		err := w.Admit()
		if (err == nil) != (level == OK) || err != nil && (!fault.Has(err, fault.DiskLow) || fault.From(err).RetryAfter <= 0) {
			t.Errorf("%d: at %s admission says %v", i, level, err)
		}
	}
}

func TestSpaces(t *testing.T) {
	t.Parallel()
	w := New(Options{Dirs: []string{"a", "gone"}, Space: func(dir string) (Space, error) {
		if dir == "gone" {
			return Space{}, errors.New("it is gone")
		}
		return Space{1, 2}, nil
	}})
	if got := w.Spaces(); len(got) != 1 || got["a"] != (Space{1, 2}) {
		t.Errorf("got %v", got)
	}
}

func TestTheWorstDiskCounts(t *testing.T) {
	t.Parallel()
	disks := map[string]Space{"a": {900, 1000}, "b": {90, 1000}, "none": {}}
	w := New(Options{
		Dirs: []string{"gone", "a", "none", "b"}, Low: Mark{Bytes: 100}, Park: Mark{Bytes: 50},
		Space: func(dir string) (Space, error) {
			s, ok := disks[dir]
			if !ok {
				return s, errors.New("gone")
			}
			return s, nil
		},
	})
	if level, _ := w.State(); level != Low {
		t.Errorf("it is %s, want low", level)
	}
}

// TestFits asks for room on the disk of the store, whatever the others have.
func TestFits(t *testing.T) {
	t.Parallel()
	disks := map[string]Space{"store": {600, 1000}, "other": {1, 10}, "none": {}}
	space := func(dir string) (Space, error) {
		s, ok := disks[dir]
		if !ok {
			return s, errors.New("gone")
		}
		return s, nil
	}
	for i, c := range []struct {
		store     string
		low, park Mark
		size      int64
		fits      bool
	}{
		{"store", Mark{}, Mark{}, 600, true},
		{"store", Mark{}, Mark{}, 601, false},
		{"store", Mark{Bytes: 100}, Mark{}, 500, true},
		{"store", Mark{Bytes: 100}, Mark{}, 501, false},
		{"store", Mark{Bytes: 100}, Mark{Percent: 20}, 401, false},
		{"store", Mark{Bytes: 900}, Mark{}, 1, false},
		{"store", Mark{Bytes: 900}, Mark{}, 0, true},
		{"store", Mark{Bytes: 900}, Mark{}, -1, true},
		{"store", Mark{}, Mark{}, 1<<63 - 1, false},
		{"", Mark{Bytes: 900}, Mark{}, 1000, true},
		{"none", Mark{Bytes: 900}, Mark{}, 1000, true},
		{"gone", Mark{Bytes: 900}, Mark{}, 1000, true},
	} {
		w := New(Options{Dirs: []string{"other"}, Store: c.store, Low: c.low, Park: c.park, Space: space})
		err := w.Fits(c.size)
		if (err == nil) != c.fits || err != nil && (!fault.Has(err, fault.DiskNoRoom) || fault.From(err).RetryAfter <= 0) {
			t.Errorf("%d: %d bytes: %v", i, c.size, err)
		}
	}
}

// TestParkedWaits blocks until there is room, which is found by looking again.
func TestParkedWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var free atomic.Int64
		free.Store(10)
		w := New(Options{
			Dirs: []string{"x"}, Park: Mark{Bytes: 100},
			Space: func(string) (Space, error) { return Space{Free: free.Load(), Total: 1000}, nil },
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		short, stop := context.WithTimeout(ctx, time.Minute)
		defer stop()
		if err := w.Await(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it does not wait: %v", err)
		}
		free.Store(500)
		if err := w.Await(ctx); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestSpaceOfARealDisk(t *testing.T) {
	t.Parallel()
	s, err := spaceOf(t.TempDir())
	if err != nil || s.Total <= 0 || s.Free < 0 || s.Free > s.Total {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := spaceOf("/no/such/folder"); err == nil {
		t.Error("there is room where nothing is")
	}
}
