package publish_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/publish"
)

// crashVariable tells the test program, when it runs itself, where to publish
// until it is killed.
const crashVariable = "MILLRACE_PUBLISH_CRASH"

// crashTask publishes three files in the place of two others.
func crashTask(t *testing.T) *stage.Task {
	t.Helper()
	task := stagetest.NewTask(t, stagetest.Case{
		Files:  []stagetest.Content{text("a", "new a"), {Name: "b", Size: 1 << 20}, text("c", "new c")},
		Config: always,
	})
	task.Job = "crash"
	return unrecorded(task)
}

func crashBefore(t *testing.T, dir string) map[string]string {
	t.Helper()
	write(t, filepath.Join(dir, "d", "a"), "old a")
	write(t, filepath.Join(dir, "d", "b"), "old b")
	return tree(t, filepath.Join(dir, "d"))
}

// TestCrash kills a process that publishes and takes back again and again, and
// looks for harm each time. Without the variable it is the one that kills.
func TestCrash(t *testing.T) {
	if dir := os.Getenv(crashVariable); dir != "" {
		publishForever(t, dir)
		return
	}
	dir := t.TempDir()
	before := crashBefore(t, dir)
	s := publish.New(publish.Options{Dir: dir})
	task := crashTask(t)
	whole := map[string]bool{}
	for _, f := range task.Files {
		whole[fmt.Sprintf("%s %x", f.Name, sha256.Sum256(stagetest.Read(t, task, f)))] = true
	}
	for name, content := range before {
		whole[fmt.Sprintf("%s %x", name, sha256.Sum256([]byte(content)))] = true
	}
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for round := range 25 {
		killSoon(t, dir, time.Duration(rnd.IntN(15_000))*time.Microsecond)
		for _, name := range []string{"a", "b", "c"} {
			data, err := os.ReadFile(filepath.Join(dir, "d", name))
			if os.IsNotExist(err) && name == "c" {
				continue
			}
			if err != nil || !whole[fmt.Sprintf("%s %x", name, sha256.Sum256(data))] {
				t.Fatalf("seed %d, round %d: %s is harmed: %d bytes, %v", seed, round, name, len(data), err)
			}
		}
		if round%5 < 4 { // leave the mess to the next process now and then
			continue
		}
		tryAgain(t, s, task, dir, before)
	}
}

// tryAgain does what the mill does after a crash: it tries again, and takes back.
func tryAgain(t *testing.T, s stage.Stage, task *stage.Task, dir string, before map[string]string) {
	t.Helper()
	r, err := s.Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	for name := range tree(t, filepath.Join(dir, "d")) {
		if strings.HasSuffix(name, ".tmp") {
			t.Errorf("%s was left behind", name)
		}
	}
	if err := s.(stage.Compensator).Compensate(t.Context(), task, r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, tree(t, filepath.Join(dir, "d"))); diff != "" {
		t.Fatal(diff)
	}
}

// publishForever says when it begins.
func publishForever(t *testing.T, dir string) {
	s := publish.New(publish.Options{Dir: dir})
	task := crashTask(t)
	fmt.Println("ready")
	for {
		r, err := s.Run(t.Context(), task)
		if err == nil {
			err = s.(stage.Compensator).Compensate(t.Context(), task, r)
		}
		if err != nil {
			fmt.Println("failed:", err)
			return
		}
	}
}

// killSoon starts a process that publishes forever and kills it.
func killSoon(t *testing.T, dir string, after time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestCrash$")
	cmd.Env = append(os.Environ(), crashVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); err != nil || line != "ready\n" {
		t.Errorf("the process says %q, %v", line, err)
	}
	<-time.After(after)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("the process says %s, %v", rest, err)
	}
	_ = cmd.Wait() // it was killed
}

// gate lets reads of a store wait.
type gate struct {
	driver.Store
	once    sync.Once
	reached chan struct{}
	open    chan struct{}
}

// Read waits at the first block for the gate to open.
func (g *gate) Read(ctx context.Context, name string, off, size int64) (io.ReadCloser, int64, error) {
	g.once.Do(func() {
		close(g.reached)
		<-g.open
	})
	return g.Store.Read(ctx, name, off, size)
}

// TestZombie has an attempt that was given up go on while its successor, or the
// same attempt on another worker, does the work.
func TestZombie(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		attempt int
		want    fault.Code
	}{
		"next attempt": {2, ""}, "same attempt": {1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			g := &gate{Store: memstore.New(), reached: make(chan struct{}), open: make(chan struct{})}
			store := artifact.New(g, nil)
			defer store.Close()
			zombie := d.task("job", "abc", never)
			good := *zombie
			good.Attempt = test.attempt
			if _, err := store.Put(t.Context(), strings.NewReader("abc"), nil); err != nil {
				t.Fatal(err)
			}
			zombie.Store = store
			done := make(chan error)
			go func() {
				_, err := d.stage.Run(t.Context(), zombie)
				done <- err
			}()
			<-g.reached // its temporary file is there and empty
			if _, err := d.stage.Run(t.Context(), &good); !fault.Has(err, test.want) && (err != nil || test.want != "") {
				t.Errorf("got %v", err)
			}
			close(g.open)
			if err := <-done; err != nil {
				t.Errorf("the zombie: %v", err)
			}
			d.sees("at last", map[string]string{"f": "abc"})
		})
	}
}
