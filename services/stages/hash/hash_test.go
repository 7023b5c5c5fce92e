package hash_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/hash"
)

// abc has the checksums that the standards of the algorithms give as examples.
var abc = stagetest.Content{Name: "abc.txt", Data: []byte("abc")}

const allOf = `{"algorithms":["sha256","sha512","sha1","md5","crc32c"]}`

func TestHash(t *testing.T) {
	big := stagetest.Content{Name: "big", Size: 3<<20 + 7}
	stagetest.Test(t, stagetest.Kit{
		Stage: hash.New(),
		Cases: []stagetest.Case{
			{Name: "one", Files: []stagetest.Content{abc}, Check: findings(map[string]string{
				"files": "1", "bytes": "3",
				"sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
			})},
			{Name: "all algorithms", Files: []stagetest.Content{abc}, Config: allOf, Check: findings(map[string]string{
				"files": "1", "bytes": "3",
				"sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
				"sha512": "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
					"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
				"sha1": "a9993e364706816aba3e25717850c26c9cd0d89d", "md5": "900150983cd24fb0d6963f7d28e17f72",
				"crc32c": "364b3fb7",
			})},
			{Name: "two", Files: []stagetest.Content{abc, big}, Config: `{"algorithms":["md5"]}`, Check: checkTwo},
			{
				Name: "empty", Files: []stagetest.Content{{Name: "empty", Data: []byte{}}},
				Config: `{"algorithms":["crc32c"]}`,
				Check:  findings(map[string]string{"files": "1", "bytes": "0", "crc32c": "00000000"}),
			},
			{Name: "many", Files: many(100), Check: findings(map[string]string{"files": "100", "bytes": "190"})},
			{
				Name: "list", Files: []stagetest.Content{abc, big}, Config: `{"sums":true,"algorithms":["sha256","md5"]}`,
				Check: checkList,
			},
			{Name: "no files", Fault: fault.StageNoInput},
		},
		BadConfigs: []string{
			`{"algorithms":[]}`, `{"algorithms":["md4"]}`, `{"algorithms":["md5","md5"]}`, `{"algorithms":"md5"}`,
			`{"sums":"yes"}`,
		},
		Large: func(f stagetest.Content) stagetest.Case {
			return stagetest.Case{Files: []stagetest.Content{f}}
		},
		MaxHeap: 40 << 20, Cancels: 3, Resumes: true,
	})
}

func many(n int) []stagetest.Content {
	files := make([]stagetest.Content, n)
	for i := range files {
		files[i] = stagetest.Content{Name: fmt.Sprint("f", i), Data: []byte(fmt.Sprint(i))}
	}
	return files
}

// findings checks the findings, and that the files are handed on as they are.
func findings(want map[string]string) func(*testing.T, *stage.Task, stage.Result) {
	return func(t *testing.T, task *stage.Task, r stage.Result) {
		if diff := cmp.Diff(stage.Result{Files: task.Files, Findings: want}, r); diff != "" {
			t.Error(diff)
		}
	}
}

func checkTwo(t *testing.T, _ *stage.Task, r stage.Result) {
	if r.Findings["md5.0"] != "900150983cd24fb0d6963f7d28e17f72" || len(r.Findings["md5.1"]) != 32 {
		t.Errorf("got %v", r.Findings)
	}
	if _, ok := r.Findings["md5"]; ok {
		t.Error("a sum does not say which of two files it is of")
	}
}

// checkList has the lists checked by the program that reads such lists.
func checkList(t *testing.T, task *stage.Task, r stage.Result) {
	if len(r.Files) != 4 || r.Files[2].Name != "SHA256SUMS" || r.Files[3].Name != "MD5SUMS" {
		t.Fatalf("got %v", r.Files)
	}
	want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  abc.txt\n"
	list := stagetest.Read(t, task, r.Files[2])
	if !strings.HasPrefix(string(list), want) {
		t.Errorf("got %q", list)
	}
	dir := t.TempDir()
	for _, f := range r.Files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), stagetest.Read(t, task, f), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for program, list := range map[string]string{"sha256sum": "SHA256SUMS", "md5sum": "MD5SUMS"} {
		cmd := exec.CommandContext(t.Context(), program, "--check", "--strict", list)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", program, err, out)
		}
	}
}

// reads counts the bytes that are read from a store.
type reads struct {
	driver.Store
	n atomic.Int64
}

func (s *reads) Read(ctx context.Context, name string, off, size int64) (io.ReadCloser, int64, error) {
	r, n, err := s.Store.Read(ctx, name, off, size)
	if err != nil {
		return nil, 0, err
	}
	return &counting{r, s}, n, nil
}

type counting struct {
	io.ReadCloser
	s *reads
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.s.n.Add(int64(n))
	return n, err
}

// A checksum is only worth what was read for it.
func TestReadsEveryByte(t *testing.T) {
	t.Parallel()
	const size = 20<<20 + 3
	s := &reads{Store: memstore.New()}
	store := artifact.New(s, nil)
	defer store.Close()
	f, err := store.Put(t.Context(), stagetest.Content{Name: "x", Size: size}.Reader(), &artifact.PutOptions{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	task := stagetest.NewTask(t, stagetest.Case{})
	task.Store, task.Files = store, append(task.Files, f)
	if _, err := hash.New().Run(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	if n := s.n.Load(); n < size {
		t.Errorf("%d of %d bytes were read", n, size)
	}
}

// damaged changes one byte of all that is read at some place.
type damaged struct{ driver.Store }

func (s damaged) Read(ctx context.Context, name string, off, size int64) (io.ReadCloser, int64, error) {
	r, n, err := s.Store.Read(ctx, name, off, size)
	if err != nil || strings.HasPrefix(name, "m/") {
		return r, n, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err == nil && len(data) > 0 {
		data[len(data)/2] ^= 1
	}
	return io.NopCloser(bytes.NewReader(data)), n, err
}

func TestFindsDamage(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{100, 3 << 20, 20 << 20} {
		d := memstore.New()
		good, bad := artifact.New(d, nil), artifact.New(damaged{d}, nil)
		content := stagetest.Content{Name: "x", Size: size}
		f, err := good.Put(t.Context(), content.Reader(), &artifact.PutOptions{Name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		task := *stagetest.NewTask(t, stagetest.Case{Config: allOf})
		task.Files, task.Store, task.Checkpoints = append(task.Files, f), bad, nil
		if _, err := hash.New().Run(t.Context(), &task); !fault.Has(err, fault.ArtifactCorrupt) {
			t.Errorf("%d bytes: got %v", size, err)
		}
		task.Store = good
		r, err := hash.New().Run(t.Context(), &task)
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		if _, err := io.Copy(h, content.Reader()); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("%x", h.Sum(nil)); r.Findings["sha256"] != want {
			t.Errorf("sha256 %s, want %s", r.Findings["sha256"], want)
		}
		good.Close()
	}
}
