package publish_test

import (
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/compress"
	"github.com/millrace/millrace/services/stages/hash"
	"github.com/millrace/millrace/services/stages/publish"
)

var (
	benchSize = flag.Int64("size", 64<<20, "bytes of the file of the benchmark")
	benchFile = flag.String("file", "", "file of the benchmark instead of a made-up one")
)

// source makes the file of the benchmark.
func source(b *testing.B) string {
	b.Helper()
	if *benchFile != "" {
		return *benchFile
	}
	path := filepath.Join(b.TempDir(), "file")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(f, stagetest.Content{Name: "file", Size: *benchSize}.Reader()); err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkChain hashes, compresses and publishes one file, with a durable store.
// The file is in the store before; BenchmarkByHand is what to compare it with.
func BenchmarkChain(b *testing.B) {
	path := source(b)
	d, err := fsstore.New(b.TempDir(), nil)
	if err != nil {
		b.Fatal(err)
	}
	store := artifact.New(d, nil)
	defer store.Close()
	in, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	f, err := store.Put(b.Context(), in, &artifact.PutOptions{Name: "file"})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(f.Size)
	dir := b.TempDir()
	stages := []stage.Stage{hash.New(), compress.New(compress.Options{}), publish.New(publish.Options{Dir: dir})}
	defer cpu(b, syscall.RUSAGE_SELF)()
	for b.Loop() {
		files := []events.File{f}
		for _, s := range stages {
			r, err := s.Run(b.Context(), &stage.Task{Job: "job", Attempt: 1, Files: files, Store: store})
			if err != nil {
				b.Fatal(err)
			}
			files = r.Files
		}
		b.StopTimer()
		if err := os.RemoveAll(filepath.Join(dir, "job")); err != nil {
			b.Fatal(err)
		}
		if err := store.Delete(b.Context(), files[0].Digest); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// cpu reports the processor time that is used until the function it returns is
// called, and for this process the largest memory so far. Unlike the speed, the
// processor time says something on a busy machine, too.
func cpu(b *testing.B, who int) func() {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	return func() {
		b.ReportMetric((used()-before).Seconds()/float64(b.N), "cpu-s/op")
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		if who == syscall.RUSAGE_SELF {
			b.ReportMetric(float64(u.Maxrss)/1024, "rss-MiB")
		}
	}
}

// BenchmarkByHand does the same with sha256sum and zstd, one after the other and
// both at once.
func BenchmarkByHand(b *testing.B) {
	for name, script := range map[string]string{
		"InTurn": `sha256sum "$1" && zstd -q -f -3 "$1" -o "$2" && sync "$2"`,
		"Piped":  `mkfifo "$2.p" && { sha256sum <"$2.p" & tee "$2.p" <"$1" | zstd -q -f -3 -o "$2"; wait; rm "$2.p"; sync "$2"; }`,
	} {
		b.Run(name, func(b *testing.B) {
			path := source(b)
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(info.Size())
			out := filepath.Join(b.TempDir(), "out")
			defer cpu(b, syscall.RUSAGE_CHILDREN)()
			for b.Loop() {
				cmd := exec.CommandContext(b.Context(), "sh", "-c", script, "sh", path, out)
				if text, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, text)
				}
				b.StopTimer()
				if err := os.Remove(out); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
