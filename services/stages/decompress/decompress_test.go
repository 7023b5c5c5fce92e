package decompress_test

import (
	"bytes"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/compress"
	"github.com/millrace/millrace/services/stages/decompress"
)

// pack compresses data into one frame.
func pack(t *testing.T, data []byte, o ...zstd.EOption) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil, o...)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	return e.EncodeAll(data, nil)
}

// stream compresses data as a stream, of which the size is not known beforehand.
func stream(t *testing.T, data []byte, o ...zstd.EOption) []byte {
	t.Helper()
	var b bytes.Buffer
	e, err := zstd.NewWriter(&b, o...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// frameSize is how much content is in a frame of compress@1.
const frameSize = 2 << 20

// frames compresses f as compress@1 does.
func frames(t *testing.T, f stagetest.Content) []byte {
	t.Helper()
	var packed []byte
	part := make([]byte, frameSize)
	for r := f.Reader(); ; {
		n, err := io.ReadFull(r, part)
		if n > 0 {
			packed = append(packed, pack(t, part[:n])...)
		}
		if err != nil {
			return packed
		}
	}
}

func file(name string, data []byte) []stagetest.Content {
	return []stagetest.Content{{Name: name, MediaType: "application/zstd", Data: data}}
}

func TestDecompress(t *testing.T) {
	plain := bytes.Repeat([]byte("Some text that repeats itself. "), 100_000)
	packed := pack(t, plain)
	random := make([]byte, 300_000)
	for i := range random {
		random[i] = byte(i * i >> 3)
	}
	changed := bytes.Clone(packed)
	changed[len(changed)/2] ^= 0x10
	bomb := stream(t, make([]byte, 17<<20))
	skippable := append([]byte("\x50\x2a\x4d\x18\x03\x00\x00\x00abc"), packed...)
	kinds := slices.Concat(packed, skippable, stream(t, plain, zstd.WithEncoderCRC(false)), skippable[:11],
		pack(t, nil, zstd.WithZeroFrames(true)), pack(t, plain, zstd.WithSingleSegment(true)), skippable[:11])
	is := func(want []byte) func(*testing.T, *stage.Task, stage.Result) {
		return func(t *testing.T, task *stage.Task, r stage.Result) {
			if got := stagetest.Read(t, task, r.Files[0]); !bytes.Equal(got, want) {
				t.Errorf("unpacked to %d other bytes", len(got))
			}
			if r.Files[0].MediaType != "" {
				t.Errorf("media type %s", r.Files[0].MediaType)
			}
		}
	}
	bad := func(name string, data []byte) stagetest.Case {
		return stagetest.Case{Name: name, Files: file("x.zst", data), Fault: fault.DecompressCorrupt}
	}
	stagetest.Test(t, stagetest.Kit{
		Stage: decompress.New(),
		Cases: []stagetest.Case{
			{Name: "one frame", Files: file("x.txt.zst", packed), Check: is(plain)},
			{Name: "a stream", Files: file("x", stream(t, plain)), Check: is(plain)},
			{Name: "several frames", Files: file("x.zst", bytes.Repeat(packed, 3)), Check: is(bytes.Repeat(plain, 3))},
			{Name: "random", Files: file("x.zst", stream(t, random)), Check: is(random)},
			{Name: "many frames", Files: file("x.zst", bytes.Repeat(pack(t, random), 20)), Check: is(bytes.Repeat(random, 20))},
			{Name: "tiny frames", Files: file("x.zst", bytes.Repeat(pack(t, random[:100]), 5000)), Check: is(bytes.Repeat(random[:100], 5000))},
			{Name: "frames of all kinds", Files: file("x.zst", kinds), Check: is(bytes.Repeat(plain, 4))},
			{Name: "nothing inside", Files: file("x.zst", pack(t, nil, zstd.WithZeroFrames(true))), Check: is(nil)},
			{Name: "skippable frame", Files: file("x.zst", skippable), Check: is(plain)},
			{
				Name: "honest zeros", Files: file("x.zst", bomb), Config: `{"max_ratio":0,"max_bytes":"17MiB"}`,
				Check: is(make([]byte, 17<<20)),
			},
			{Name: "small bomb", Files: file("x.zst", pack(t, make([]byte, 4<<20))), Check: is(make([]byte, 4<<20))},
			bad("empty", []byte{}), bad("text", []byte("not compressed at all")), bad("changed", changed),
			bad("cut", packed[:len(packed)-5]), bad("cut in the header", packed[:5]), bad("one byte", packed[:1]),
			bad("garbage after", append(bytes.Clone(packed), "garbage"...)),
			bad("a byte after", append(bytes.Clone(packed), 0x28)),
			bad("cut in a later frame", append(bytes.Repeat(pack(t, random), 9), packed[:100]...)),
			bad("cut skippable frame", append(bytes.Repeat(pack(t, random), 9), skippable[:10]...)),
			bad("garbage after many", append(bytes.Repeat(pack(t, random), 9), "garbage that is longer than a header"...)),
			{
				Name: "bomb of frames", Files: file("x.zst", bytes.Repeat(pack(t, make([]byte, 4<<20)), 9)),
				Fault: fault.DecompressTooLarge,
			},
			{Name: "bomb", Files: file("x.zst", bomb), Fault: fault.DecompressTooLarge},
			{Name: "too large", Files: file("x.zst", packed), Config: `{"max_bytes":"1MiB"}`, Fault: fault.DecompressTooLarge},
			{
				Name: "greedy", Files: file("x.zst", stream(t, plain, zstd.WithWindowSize(64<<20))),
				Fault: fault.DecompressTooLarge,
			},
			{Name: "no files", Fault: fault.StageNoInput},
		},
		BadConfigs: []string{`{"max_bytes":0}`, `{"max_bytes":"many"}`, `{"max_ratio":-1}`, `{"max_ratio":1.5}`},
		Large: func(f stagetest.Content) stagetest.Case {
			return stagetest.Case{Files: file("x.zst", frames(t, f))}
		},
		MaxHeap: 48 << 20, Cancels: 3, Resumes: true, Unit: frameSize,
	})
}

// TestReversesCompress unpacks what compress has packed.
func TestReversesCompress(t *testing.T) {
	t.Parallel()
	task := stagetest.NewTask(t, stagetest.Case{Files: []stagetest.Content{
		{Name: "a.txt", Data: []byte("abc")}, {Name: "big", Size: 9 << 20}, {Name: "empty", Data: []byte{}},
	}})
	packed, err := compress.New(compress.Options{}).Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	back := *task
	back.Files, back.Checkpoints = packed.Files, nil
	r, err := decompress.New().Run(t.Context(), &back)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range r.Files {
		if f != task.Files[i] {
			t.Errorf("%v became %v", task.Files[i], f)
		}
	}
}

// TestReadsOthers unpacks what the zstd program has packed, where there is one.
func TestReadsOthers(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("zstd"); err != nil {
		t.Log("there is no zstd program here")
		return
	}
	plain := bytes.Repeat([]byte("0123456789abcdef"), 500_000)
	for _, args := range []string{"-1", "-19", "--long=24 -3", "--no-check", "-T2 -B1MiB"} {
		cmd := exec.CommandContext(t.Context(), "zstd", append(strings.Fields(args), "-c")...)
		cmd.Stdin = bytes.NewReader(plain)
		packed, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		task := stagetest.NewTask(t, stagetest.Case{Files: file("x.zst", packed), Config: `{"max_ratio":0}`})
		r, err := decompress.New().Run(t.Context(), task)
		if err != nil || !bytes.Equal(stagetest.Read(t, task, r.Files[0]), plain) {
			t.Errorf("zstd %s: %v", args, err)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a.txt.zst": "a.txt", "a.zstd": "a", "a.tzst": "a.tar", "a": "a", "a.gz": "a.gz", ".zst": ".zst",
		"..zst": "..zst", "...zst": "...zst", "a.zst.zst": "a.zst",
	} {
		task := stagetest.NewTask(t, stagetest.Case{Files: file(name, pack(t, []byte("x")))})
		r, err := decompress.New().Run(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		if r.Files[0].Name != want {
			t.Errorf("%s becomes %s, want %s", name, r.Files[0].Name, want)
		}
	}
}

func FuzzDecompress(f *testing.F) {
	e, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(e.EncodeAll([]byte("hello hello hello"), nil))
	f.Add(e.EncodeAll(make([]byte, 1000), nil))
	f.Add([]byte("\x28\xb5\x2f\xfd"))
	f.Add([]byte{})
	if err := e.Close(); err != nil {
		f.Fatal(err)
	}
	s := decompress.New()
	f.Fuzz(func(t *testing.T, data []byte) {
		task := stagetest.NewTask(t, stagetest.Case{Files: file("x.zst", data), Config: `{"max_bytes":"1MiB"}`})
		r, err := s.Run(t.Context(), task)
		if err != nil {
			if c := fault.From(err).Code; c != fault.DecompressCorrupt && c != fault.DecompressTooLarge {
				t.Fatalf("fault %s: %v", c, err)
			}
			return
		}
		if r.Files[0].Size > 1<<20 {
			t.Fatalf("%d bytes came out", r.Files[0].Size)
		}
	})
}
