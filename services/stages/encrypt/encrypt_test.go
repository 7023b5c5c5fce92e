package encrypt_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/seal"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/encrypt"
)

const pkg = seal.PackageSize

func identity(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func hybrid(t testing.TB) *age.HybridIdentity {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// to is the configuration for some recipients.
func to(keys ...fmt.Stringer) string {
	var list []string
	for _, k := range keys {
		list = append(list, k.String())
	}
	return `{"recipients":["` + strings.Join(list, `","`) + `"]}`
}

// content reads an encrypted file.
func content(t testing.TB, task *stage.Task, f events.File, id age.Identity) (seal.Meta, []byte) {
	t.Helper()
	file := bytes.NewReader(stagetest.Read(t, task, f))
	h, err := seal.Open(file, id)
	if err != nil {
		t.Fatal(err)
	}
	if h.SealedSize() != f.Size || h.Meta().Size == 0 {
		if h.SealedSize() != f.Size {
			t.Errorf("%s has %d bytes, its header says %d", f.Name, f.Size, h.SealedSize())
		}
		return h.Meta(), nil
	}
	plain, err := h.Payload().Decrypt(file, 0)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	return h.Meta(), data
}

// decrypts returns a check that the outputs are the inputs, encrypted.
func decrypts(ids ...age.Identity) func(*testing.T, *stage.Task, stage.Result) {
	return func(t *testing.T, task *stage.Task, r stage.Result) {
		for i, f := range r.Files {
			in := task.Files[i]
			if f.Name != in.Name+".mrx" || f.MediaType != seal.MediaType {
				t.Errorf("got %v", f)
			}
			for _, id := range ids {
				meta, data := content(t, task, f, id)
				if diff := cmp.Diff(seal.Meta{Name: in.Name, MediaType: in.MediaType, Size: in.Size}, meta); diff != "" {
					t.Error(diff)
				}
				if !bytes.Equal(data, stagetest.Read(t, task, in)) {
					t.Errorf("%s decrypts to something else", f.Name)
				}
			}
		}
		want := map[string]string{
			"bytes_in":   fmt.Sprint(stage.Size(task.Files)),
			"bytes_out":  fmt.Sprint(stage.Size(r.Files)),
			"recipients": fmt.Sprint(len(ids)),
		}
		if diff := cmp.Diff(want, r.Findings); diff != "" {
			t.Error(diff)
		}
	}
}

func TestEncrypt(t *testing.T) {
	a, b, p := identity(t), identity(t), hybrid(t)
	files := []stagetest.Content{
		{Name: "a.txt", MediaType: "text/plain", Data: []byte("abc")},
		{Name: "empty", Data: []byte{}},
		{Name: "whole", Size: 2 * pkg},
		{Name: "big", Size: 1<<20 + 1},
	}
	stagetest.Test(t, stagetest.Kit{
		Stage: encrypt.NewRemembering(encrypt.Options{}),
		Cases: []stagetest.Case{
			{Name: "two recipients", Files: files, Config: to(a.Recipient(), b.Recipient()), Check: decrypts(a, b)},
			{Name: "post-quantum", Files: files[2:], Config: to(p.Recipient()), Check: decrypts(p)},
			{Name: "no recipients", Files: files, Fault: fault.StageBadConfig},
			{Name: "a secret key", Files: files, Config: to(a), Fault: fault.CryptBadRecipient},
			{Name: "mixed", Files: files, Config: to(a.Recipient(), p.Recipient()), Fault: fault.CryptBadRecipient},
			{Name: "no files", Config: to(a.Recipient()), Fault: fault.StageNoInput},
		},
		BadConfigs: []string{
			`{}`, `{"recipients":[]}`, `{"recipients":"age1"}`, `{"recipients":null}`, `{"recipients":[7]}`,
			`{"recipients":["age1xyz"]}`, to(a.Recipient(), a.Recipient()),
		},
		Large: func(f stagetest.Content) stagetest.Case {
			return stagetest.Case{Files: []stagetest.Content{f}, Config: to(a.Recipient())}
		},
		MaxHeap: 32 << 20, Cancels: 3, Resumes: true, Unit: 4 << 20,
	})
}

// TestSizes encrypts content that ends just before, at and after the end of a
// package and of a block.
func TestSizes(t *testing.T) {
	t.Parallel()
	id := identity(t)
	s := encrypt.New(encrypt.Options{})
	for _, size := range []int64{
		0, 1, pkg - 1, pkg, pkg + 1, 16*pkg - 1, 16 * pkg, 16*pkg + 1, 17 * pkg, 32 * pkg, 33*pkg + 7,
	} {
		files := []stagetest.Content{{Name: "x", Size: size}}
		task := stagetest.NewTask(t, stagetest.Case{Files: files, Config: to(id.Recipient())})
		r, err := s.Run(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		decrypts(id)(t, task, r)
	}
}

// TestOtherJobs has the same file encrypted by two jobs, which nobody can see.
func TestOtherJobs(t *testing.T) {
	t.Parallel()
	id := identity(t)
	s := encrypt.New(encrypt.Options{})
	c := stagetest.Case{Files: []stagetest.Content{{Name: "x", Size: 1000}}, Config: to(id.Recipient())}
	var all [][]byte
	for range 2 {
		task := stagetest.NewTask(t, c)
		r, err := s.Run(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		decrypts(id)(t, task, r)
		all = append(all, stagetest.Read(t, task, r.Files[0]))
	}
	if bytes.Equal(all[0], all[1]) {
		t.Error("two jobs give the same bytes")
	}
	if n := len(all[0]) - 1000; bytes.Equal(all[0][n:], all[1][n:]) {
		t.Error("two jobs use the same key")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	id := identity(t)
	for name, want := range map[string]string{
		"a": "a.mrx", strings.Repeat("x", 255): strings.Repeat("x", 251) + ".mrx",
		strings.Repeat("ü", 127): strings.Repeat("ü", 125) + ".mrx", "../a\nb": ".._a_b.mrx",
	} {
		c := stagetest.Case{
			Files: []stagetest.Content{{Name: name, Data: []byte("x")}}, Config: to(id.Recipient()),
		}
		task := stagetest.NewTask(t, c)
		r, err := encrypt.New(encrypt.Options{}).Run(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Files[0].Name; got != want || artifact.CheckName(got) != nil {
			t.Errorf("%q becomes %q", name, got)
		}
		if meta, _ := content(t, task, r.Files[0], id); meta.Name != name {
			t.Errorf("the header of %q says %q", name, meta.Name)
		}
	}
}

// TestMissing encrypts what the store does not hold, and what is not as large as
// the task says.
func TestMissing(t *testing.T) {
	t.Parallel()
	s := encrypt.New(encrypt.Options{})
	files := []stagetest.Content{{Name: "x", Size: 100}}
	good := stagetest.NewTask(t, stagetest.Case{Files: files, Config: to(identity(t).Recipient())})
	for want, change := range map[fault.Code]func(*events.File){
		fault.ArtifactNotFound: func(f *events.File) { f.Digest = "sha256:" + strings.Repeat("0", 64) },
		fault.CryptTooLarge:    func(f *events.File) { f.Size = seal.MaxSize + 1 },
		fault.InternalBug:      func(f *events.File) { f.Size-- },
	} {
		bad := *good
		bad.Files = append(bad.Files[:0:0], good.Files[0])
		change(&bad.Files[0])
		bad.Checkpoints = nil
		if _, err := s.Run(t.Context(), &bad); !fault.Has(err, want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := s.Run(t.Context(), good); err != nil {
		t.Error(err)
	}
}
