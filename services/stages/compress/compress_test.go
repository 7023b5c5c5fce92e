package compress_test

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/compress"
)

const frameSize = 2 << 20

func TestCompress(t *testing.T) {
	files := []stagetest.Content{
		{Name: "a.txt", MediaType: "text/plain", Data: []byte("abc")},
		{Name: "empty", Data: []byte{}},
		{Name: "big", Size: frameSize + 1},
	}
	stagetest.Test(t, stagetest.Kit{
		Stage: compress.New(compress.Options{Frames: 2}),
		Cases: []stagetest.Case{
			{Name: "default", Files: files, Check: unpacks},
			{Name: "fastest", Files: files[2:], Config: `{"level":"fastest"}`, Check: unpacks},
			{Name: "better", Files: files[:2], Config: `{"level":"better"}`, Check: unpacks},
			{Name: "best", Files: files[:2], Config: `{"level":"best"}`, Check: unpacks},
			{Name: "unknown level", Files: files, Config: `{"level":"ultra"}`, Fault: fault.CompressBadLevel},
			{Name: "no files", Fault: fault.StageNoInput},
		},
		BadConfigs: []string{`{"level":9}`, `{"level":""}`, `{"level":null,"level":null}`},
		Large: func(f stagetest.Content) stagetest.Case {
			return stagetest.Case{Files: []stagetest.Content{f}}
		},
		MaxHeap: 56 << 20, Cancels: 3,
		// Two frames are on their way while the third is read.
		Resumes: true, Unit: 3 * frameSize,
	})
}

// unpacks checks that the outputs are the inputs, compressed, for a decoder that
// reads a stream.
func unpacks(t *testing.T, task *stage.Task, r stage.Result) {
	for i, f := range r.Files {
		if f.Name != task.Files[i].Name+".zst" || f.MediaType != "application/zstd" {
			t.Errorf("got %v", f)
		}
		d, err := zstd.NewReader(bytes.NewReader(stagetest.Read(t, task, f)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(d)
		d.Close()
		if err != nil || !bytes.Equal(got, stagetest.Read(t, task, task.Files[i])) {
			t.Errorf("%s does not unpack to what it was: %v", f.Name, err)
		}
	}
	in, out := stage.Size(task.Files), stage.Size(r.Files)
	want := map[string]string{
		"bytes_in": fmt.Sprint(in), "bytes_out": fmt.Sprint(out), "ratio": fmt.Sprintf("%.2f", float64(in)/float64(out)),
	}
	if diff := cmp.Diff(want, r.Findings); diff != "" {
		t.Error(diff)
	}
}

// TestSizes compresses content that ends just before, at and after the end of a
// frame, with slots for one frame and for many.
func TestSizes(t *testing.T) {
	t.Parallel()
	for frames, sizes := range map[int][]int64{
		1: {1, frameSize - 1, frameSize}, 5: {frameSize + 1, 2 * frameSize},
	} {
		s := compress.New(compress.Options{Frames: frames})
		for _, size := range sizes {
			task := stagetest.NewTask(t, stagetest.Case{Files: []stagetest.Content{{Name: "x", Size: size}}})
			r, err := s.Run(t.Context(), task)
			if err != nil {
				t.Fatal(err)
			}
			unpacks(t, task, r)
		}
	}
}

// TestOthersRead has the output read by the zstd program, where there is one, and
// by a decoder that reads all at once.
func TestOthersRead(t *testing.T) {
	t.Parallel()
	content := stagetest.Content{Name: "x", Size: frameSize + 5}
	task := stagetest.NewTask(t, stagetest.Case{Files: []stagetest.Content{content}})
	r, err := compress.New(compress.Options{}).Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	packed, plain := stagetest.Read(t, task, r.Files[0]), stagetest.Read(t, task, task.Files[0])
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got, err := d.DecodeAll(packed, nil); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("at once: %v", err)
	}
	if _, err := exec.LookPath("zstd"); err != nil {
		t.Log("there is no zstd program here")
		return
	}
	cmd := exec.CommandContext(t.Context(), "zstd", "-d", "-c")
	cmd.Stdin = bytes.NewReader(packed)
	if got, err := cmd.Output(); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("zstd: %v", err)
	}
}

// TestGolden notices when the same input gives other output. Then the logic of the
// spec must change with the digests here.
func TestGolden(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"fastest": "2a5635b261b7bba2",
		"default": "d2438d2bab9c4f9e",
		"better":  "7e6b55f7aa31eb03",
		"best":    "ea155b583e51e091",
	}
	s := compress.New(compress.Options{})
	if logic := s.Spec().Logic; logic != "1/2" {
		t.Errorf("the digests are those of logic 1/2, this is %s", logic)
	}
	got := map[string]string{}
	for level := range want {
		size := int64(300_000)
		if level == "default" {
			size += frameSize
		}
		task := stagetest.NewTask(t, stagetest.Case{
			Files:  []stagetest.Content{{Name: "golden", Size: size}},
			Config: `{"level":"` + level + `"}`,
		})
		r, err := s.Run(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		got[level] = r.Files[0].Digest[7:23]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSharedSlots runs more tasks than there are slots, which must not make them
// wait for each other for ever.
func TestSharedSlots(t *testing.T) {
	t.Parallel()
	s := compress.New(compress.Options{Frames: 2})
	var wg sync.WaitGroup
	for i := range 4 {
		task := stagetest.NewTask(t, stagetest.Case{
			Files: []stagetest.Content{{Name: fmt.Sprint(i), Size: frameSize + 1000 + int64(i)}},
		})
		wg.Go(func() {
			if _, err := s.Run(t.Context(), task); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", strings.Repeat("x", 251), strings.Repeat("x", 255), strings.Repeat("ü", 127)} {
		task := stagetest.NewTask(t, stagetest.Case{Files: []stagetest.Content{{Name: name, Data: []byte("x")}}})
		r, err := compress.New(compress.Options{}).Run(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		got := r.Files[0].Name
		if !strings.HasSuffix(got, ".zst") || !utf8.ValidString(got) || artifact.CheckName(got) != nil {
			t.Errorf("%q becomes %q", name, got)
		}
	}
}

// TestMissing compresses what the store does not hold, and a broken pipe of
// frames must not keep slots.
func TestMissing(t *testing.T) {
	t.Parallel()
	s := compress.New(compress.Options{Frames: 1})
	good := stagetest.NewTask(t, stagetest.Case{Files: []stagetest.Content{{Name: "x", Size: 100}}})
	bad := *good
	bad.Files = append(bad.Files[:0:0], good.Files[0])
	bad.Files[0].Digest = "sha256:" + strings.Repeat("0", 64)
	for range 3 {
		bad.Checkpoints = nil // each run is an attempt of its own
		if _, err := s.Run(t.Context(), &bad); !fault.Has(err, fault.ArtifactNotFound) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := s.Run(t.Context(), good); err != nil {
		t.Error(err)
	}
}
