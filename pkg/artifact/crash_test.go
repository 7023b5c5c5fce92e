package artifact_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
)

// crashDir is the variable that turns the test binary into a process that
// writes to a store until it is killed.
const crashDir = "MILLRACE_TEST_CRASH_DIR"

const crashChunk = 32 << 10

// crashSize is the size of the content with that seed.
func crashSize(seed int) int { return seed * 7919 % 200_000 }

// crashWriter writes content for ever and prints the seed of what was stored.
// It reports whether this process is meant to.
func crashWriter() bool {
	dir := os.Getenv(crashDir)
	if dir == "" {
		return false
	}
	first, err := strconv.Atoi(os.Getenv(crashDir + "_SEED"))
	if err != nil {
		panic(err)
	}
	d, err := fsstore.New(dir, nil)
	if err != nil {
		panic(err)
	}
	s := artifact.New(d, &artifact.Options{ChunkSize: crashChunk})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for seed := first + i; ; seed += 4 {
				content := drivertest.Content(crashSize(seed), seed)
				if _, err := s.Put(context.Background(), bytes.NewReader(content), nil); err != nil {
					panic(err)
				}
				if _, err := os.Stdout.WriteString(strconv.Itoa(seed) + "\n"); err != nil {
					panic(err)
				}
			}
		})
	}
	all.Wait()
	return true
}

// TestKilled kills a process that writes, at random moments. What it said was
// stored is there, and what is there is whole.
func TestKilled(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	stored := map[int]bool{}
	for round := range 6 {
		// Two rounds have the same content, so that the second finds what the
		// first left.
		first := strconv.Itoa(round / 2 * 100_000)
		env := []string{crashDir + "=" + dir, crashDir + "_SEED=" + first}
		runAndKill(t, env, random.IntN(40), func(line string) {
			if seed, err := strconv.Atoi(line); err == nil {
				stored[seed] = true
			}
		})
		checkSurvivors(t, dir, stored)
	}
	if len(stored) == 0 {
		t.Fatal("nothing was ever stored")
	}
}

// runAndKill starts this program with more variables and kills it soon after it has
// printed n lines, all of which see is told.
func runAndKill(t *testing.T, env []string, n int, see func(line string)) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		see(lines.Text())
		if i == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the writer ended by itself: %v", err)
	}
}

func checkSurvivors(t *testing.T, dir string, stored map[int]bool) {
	t.Helper()
	d, err := fsstore.New(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := artifact.New(d, &artifact.Options{ChunkSize: crashChunk})
	defer s.Close()

	for seed := range stored {
		content := drivertest.Content(crashSize(seed), seed)
		if !bytes.Equal(get(t, s, digestOf(content)), content) {
			t.Fatalf("content %d is another", seed)
		}
	}
	for info, err := range d.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		digits := info.Name[strings.LastIndexByte(info.Name, '/')+1:]
		if strings.HasPrefix(info.Name, "c/") {
			b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(info.Name)))
			if err != nil || fmt.Sprintf("sha256:%s", digits) != digestOf(b) {
				t.Fatalf("chunk %s holds something else: %v", info.Name, err)
			}
			continue
		}
		if b := get(t, s, "sha256:"+digits); digestOf(b) != "sha256:"+digits {
			t.Fatalf("%s holds something else", info.Name)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".tmp", "*", "*"))
	if err != nil || len(left) > 0 {
		t.Fatalf("temporary files stayed: %v, %v", left, err)
	}
}
