package artifact_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
)

// TestMarkEnds: what marks, states and writers are good for after each end.
func TestMarkEnds(t *testing.T) {
	t.Parallel()
	for _, size := range smallSizes {
		d := memstore.New()
		s := newStore(t, d, smallChunk)
		content := drivertest.Content(size, 1)
		w := s.Create(t.Context(), nil)
		write(t, w, content)
		if w.Size() != int64(size) || w.Ended() {
			t.Fatalf("Size = %d, Ended = %t", w.Size(), w.Ended())
		}
		early, late := w.Mark(), w.Mark()
		state := waitFor(t, early)
		f := commit(t, w)
		w = resume(t, s, marked{int64(size), waitFor(t, late)}, nil)
		if again := commit(t, w); again != f {
			t.Errorf("the mark that was waited for after Commit gives %+v", again)
		}
		_, err := w.Mark().Wait(t.Context())
		wantCode(t, "a mark after Commit", err, fault.InternalBug)

		w = resume(t, s, marked{int64(size), state}, nil)
		w.Abort()
		if !w.Ended() {
			t.Error("an aborted writer has not ended")
		}
		_, err = w.Mark().Wait(t.Context())
		wantCode(t, "a mark after Abort", err, fault.InternalBug)

		w = resume(t, s, marked{int64(size), state}, &artifact.PutOptions{Name: "n", MediaType: "m/t"})
		again := commit(t, w)
		if again.Digest != f.Digest || again.Name != "n" || again.MediaType != "m/t" {
			t.Errorf("committed %+v", again)
		}
		wantFinished(t, d)
	}
}

// TestMarkOfAborted: a mark that is on its way when the writer is aborted says so,
// or gives a state that is good.
func TestMarkOfAborted(t *testing.T) {
	t.Parallel()
	content := drivertest.Content(10_000, 1)
	for at := 1; at <= len(content); at += 97 {
		d := memstore.New()
		s := newStore(t, d, smallChunk)
		w := s.Create(t.Context(), nil)
		write(t, w, content[:at])
		m := w.Mark()
		w.Abort()
		state, err := m.Wait(t.Context())
		if err != nil {
			wantCode(t, "Wait", err, fault.InternalBug)
			continue
		}
		w = resume(t, s, marked{int64(at), state}, nil)
		write(t, w, content[at:])
		if f := commit(t, w); f.Digest != digestOf(content) {
			t.Fatalf("committed %+v", f)
		}
		wantFinished(t, d)
	}
}

func TestResumeRefuses(t *testing.T) {
	t.Parallel()
	d := memstore.New()
	s := newStore(t, d, smallChunk)
	content := drivertest.Content(3500, 1)
	w := s.Create(t.Context(), nil)
	states := writeMarked(t, w, content, []int{500, 1024, 3500})
	w.Abort()
	for _, m := range states {
		_, err := s.Resume(t.Context(), m.state, &artifact.PutOptions{Limit: m.at - 1})
		wantCode(t, "Resume beyond the limit", err, fault.ArtifactTooLarge)
		_, err = s.Resume(t.Context(), m.state, &artifact.PutOptions{Name: "a/b"})
		wantCode(t, "Resume with a bad name", err, fault.SubmitBadName)
		w := resume(t, s, m, &artifact.PutOptions{Limit: m.at + 1})
		if _, err := w.Write(content[:1]); err != nil {
			t.Fatal(err)
		}
		_, err = w.Write(content[:1])
		wantCode(t, "Write beyond the limit", err, fault.ArtifactTooLarge)
		_, err = w.Mark().Wait(t.Context())
		wantCode(t, "a mark beyond the limit", err, fault.ArtifactTooLarge)
		w.Abort()
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(fault.New(fault.StageDraining, "", nil))
		_, err = s.Resume(ctx, m.state, nil)
		wantCode(t, "Resume after the end", err, fault.StageDraining)
		_, err = newStore(t, d, 2*smallChunk).Resume(t.Context(), m.state, nil)
		wantCode(t, "Resume with other chunks", err, fault.ArtifactBadState)
		wantFinished(t, d)
	}
}

// TestWaitCancelled: the contexts of Wait and of the writer both end a Wait.
func TestWaitCancelled(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{100, 100_000} {
		s := newStore(t, memstore.New(), smallChunk)
		w := s.Create(t.Context(), nil)
		if _, err := w.ReadFrom(newNoise(size, 1)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(fault.New(fault.StageDraining, "", nil))
		if _, err := w.Mark().Wait(ctx); err != nil { // or it was faster
			wantCode(t, "Wait", err, fault.StageDraining)
		}
		waitFor(t, w.Mark())
		w.Abort()

		ctx, cancel = context.WithCancelCause(t.Context())
		w = s.Create(ctx, nil)
		if _, err := w.ReadFrom(newNoise(size, 1)); err != nil {
			t.Fatal(err)
		}
		m := w.Mark()
		cancel(fault.New(fault.StageDraining, "", nil))
		if _, err := m.Wait(t.Context()); err != nil {
			wantCode(t, "Wait", err, fault.StageDraining)
		}
		if _, err := w.Write(make([]byte, 2*smallChunk)); size > smallChunk {
			wantCode(t, "Write", err, fault.StageDraining)
		}
		w.Abort()
	}
}

// TestMarkDriverFails lets every single operation of the driver fail in turn, once
// or with all that follow, while content is written and marked.
func TestMarkDriverFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size   int
		places []int
	}{
		{100, []int{50, 100}}, {1024, []int{1000, 1024}}, {5000, []int{500, 2048, 2500, 4096}},
	} {
		content := drivertest.Content(c.size, 1)
		for _, failing := range []int{1, -1} {
			allowed := 0
			for markFails(t, content, c.places, allowed, failing) {
				if allowed++; allowed > 200 {
					t.Fatal("200 operations for a small file")
				}
			}
			if allowed < 8 {
				t.Fatalf("after %d operations nothing fails", allowed)
			}
		}
	}
}

// markFails writes content with marks and failing operations and reports whether
// anything failed. The states that it got are good when nothing fails any more.
func markFails(t *testing.T, content []byte, places []int, allowed, failing int) bool {
	t.Helper()
	d := memstore.New()
	s := newStore(t, d, smallChunk)
	d.FailWrites(allowed, failing, memstore.ErrFull)
	w := s.Create(t.Context(), nil)
	var marks []*artifact.Mark
	var err error
	for _, at := range append(places, len(content)) {
		if _, err = w.Write(content[w.Size():at]); err != nil {
			break
		}
		marks = append(marks, w.Mark())
	}
	if err == nil {
		_, err = w.Commit()
	}
	failed := err != nil
	if failed {
		wantCode(t, "writing", err, fault.ArtifactDiskFull)
		wantNothing(t, s, digestOf(content))
		w.Abort()
	}
	var states []marked
	for i, m := range marks {
		state, err := m.Wait(t.Context())
		if err == nil {
			states = append(states, marked{int64(append(places, len(content))[i]), state})
			continue
		}
		failed = true
		if !fault.Has(err, fault.InternalBug) { // aborted before the mark came by
			wantCode(t, "Wait", err, fault.ArtifactDiskFull)
		}
	}
	wantFinished(t, d)
	d.FailWrites(0, 0, nil)
	for _, m := range states {
		w := resume(t, s, m, nil)
		write(t, w, content[m.at:])
		commit(t, w)
		if !bytes.Equal(get(t, s, digestOf(content)), content) {
			t.Fatalf("after %d operations the content is another", allowed)
		}
	}
	return failed
}

// TestMarksAtOnce waits for marks in goroutines of their own while the writer goes
// on, and several writers resume from one state.
func TestMarksAtOnce(t *testing.T) {
	t.Parallel()
	for _, chunk := range []int64{64, 1024, 1 << 20} {
		d, err := fsstore.New(t.TempDir(), &fsstore.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		s := newStore(t, d, chunk)
		content := drivertest.Content(int(chunk)*7+33, 1)
		if chunk == 64 {
			content = drivertest.Content(64*1000+33, 1)
		}
		w := s.Create(t.Context(), nil)
		states := make([]marked, 16)
		var all sync.WaitGroup
		for i := range states {
			write(t, w, content[w.Size():(i+1)*len(content)/len(states)])
			m := w.Mark()
			states[i].at = w.Size()
			all.Go(func() {
				var err error
				if states[i].state, err = m.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		f := commit(t, w)
		all.Wait()
		for _, m := range states[len(states)-4:] {
			for range 2 {
				all.Go(func() {
					w, err := s.Resume(t.Context(), m.state, nil)
					if err != nil {
						t.Error(err)
						return
					}
					defer w.Abort()
					if _, err := w.Write(content[m.at:]); err != nil {
						t.Error(err)
					}
					if again, err := w.Commit(); again != f || err != nil {
						t.Errorf("committed %+v, %v, want %+v", again, err, f)
					}
				})
			}
		}
		all.Wait()
		if !bytes.Equal(get(t, s, f.Digest), content) {
			t.Error("other bytes came back")
		}
	}
}

// TestMarksOutOfOrder waits for the last mark first.
func TestMarksOutOfOrder(t *testing.T) {
	t.Parallel()
	const chunk = 64
	s := newStore(t, memstore.New(), chunk)
	content := drivertest.Content(2000*chunk, 1)
	w := s.Create(t.Context(), nil)
	var marks []*artifact.Mark
	for w.Size() < int64(len(content)) {
		write(t, w, content[w.Size():w.Size()+100*chunk])
		marks = append(marks, w.Mark())
	}
	defer w.Abort()
	for i := range marks {
		at := int64(len(marks)-i) * 100 * chunk
		state := waitFor(t, marks[len(marks)-1-i])
		w := resume(t, s, marked{at, state}, nil)
		write(t, w, content[at:])
		if f := commit(t, w); f.Digest != digestOf(content) {
			t.Fatalf("resumed at %d: committed %+v", at, f)
		}
	}
}

// TestStatesStaySmall: the state of a long content is as small as any.
func TestStatesStaySmall(t *testing.T) {
	t.Parallel()
	d := memstore.New()
	s := newStore(t, d, 64)
	w := s.Create(t.Context(), nil)
	defer w.Abort()
	for range 20 {
		if _, err := w.ReadFrom(newNoise(64*1500, 1)); err != nil {
			t.Fatal(err)
		}
		if st := waitFor(t, w.Mark()); len(st) > 4<<10 {
			t.Fatalf("a state of %d bytes after %d", len(st), w.Size())
		}
	}
	places := 0
	for _, name := range d.Names() {
		if strings.HasPrefix(name, "p/") {
			places++
		}
	}
	if places == 0 {
		t.Fatal("no place was stored")
	}
}

// TestPlacesAreRare: a writer stores a place only when a state would be large, or
// when what it speaks of gets old.
func TestPlacesAreRare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memstore.New()
		s := newStore(t, d, smallChunk)
		w := s.Create(t.Context(), nil)
		defer w.Abort()
		stored := func() string {
			n := 0
			for _, name := range d.Names() {
				if strings.HasPrefix(name, "p/") {
					n++
				}
			}
			return fmt.Sprint(n)
		}
		got := ""
		for range 10 {
			if _, err := w.ReadFrom(newNoise(1500, int(w.Size()))); err != nil {
				t.Fatal(err)
			}
			waitFor(t, w.Mark())
			got += stored()
			time.Sleep(7 * time.Minute)
		}
		if got != "0001112223" {
			t.Errorf("places after each mark: %s", got)
		}
	})
}
