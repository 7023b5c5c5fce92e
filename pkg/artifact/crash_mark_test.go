package artifact_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
)

// markDir is the variable that turns the test binary into a process that writes and
// marks one content after another until it is killed.
const markDir = "MILLRACE_TEST_MARK_DIR"

// printed is what such a process says when a mark is durable.
type printed struct {
	Seed  int
	At    int64
	State artifact.State
}

func markedSize(seed int) int { return 3*crashChunk + seed*7919%(5*crashChunk) }

// markWriter reports whether this process is meant to.
func markWriter() bool {
	dir := os.Getenv(markDir)
	if dir == "" {
		return false
	}
	d, err := fsstore.New(dir, nil)
	if err != nil {
		panic(err)
	}
	s := artifact.New(d, &artifact.Options{ChunkSize: crashChunk})
	for seed := 0; ; seed++ {
		if err := writeAndPrint(s, seed); err != nil {
			panic(err)
		}
	}
}

// writeAndPrint writes one content; two marks are on their way at a time.
func writeAndPrint(s *artifact.Store, seed int) error {
	content := drivertest.Content(markedSize(seed), seed)
	w := s.Create(context.Background(), nil)
	defer w.Abort()
	var marks []*artifact.Mark
	var places []int64
	for step := 5000 + seed*31%crashChunk; ; {
		n := min(step, len(content)-int(w.Size()))
		if _, err := w.Write(content[w.Size():][:n]); err != nil {
			return err
		}
		marks, places = append(marks, w.Mark()), append(places, w.Size())
		if len(marks) == 2 {
			state, err := marks[0].Wait(context.Background())
			if err != nil {
				return err
			}
			line, err := json.Marshal(printed{seed, places[0], state})
			if err != nil {
				return err
			}
			if _, err := fmt.Println(string(line)); err != nil {
				return err
			}
			marks, places = marks[1:], places[1:]
		}
		if w.Size() == int64(len(content)) {
			_, err := w.Commit()
			return err
		}
	}
}

// TestKilledWhileMarking kills such a process at random moments. Every state that it
// printed is good in the next process.
func TestKilledWhileMarking(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range 5 {
		dir := t.TempDir()
		var seen []printed
		runAndKill(t, []string{markDir + "=" + dir}, 1+random.IntN(30), func(line string) {
			var p printed
			if json.Unmarshal([]byte(line), &p) == nil {
				seen = append(seen, p)
			}
		})
		if len(seen) == 0 {
			t.Fatal("nothing was ever durable")
		}
		d, err := fsstore.New(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := newStore(t, d, crashChunk)
		for _, p := range seen[max(0, len(seen)-10):] {
			content := drivertest.Content(markedSize(p.Seed), p.Seed)
			w := resume(t, s, marked{p.At, p.State}, nil)
			write(t, w, content[p.At:])
			f := commit(t, w)
			if f.Digest != digestOf(content) || !bytes.Equal(get(t, s, f.Digest), content) {
				t.Fatalf("going on at %d of content %d gives %+v", p.At, p.Seed, f)
			}
		}
	}
}
