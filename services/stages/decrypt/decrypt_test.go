package decrypt_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/seal"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/decrypt"
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

// sealed is the encrypted file of c.
func sealed(t testing.TB, to age.Recipient, c stagetest.Content) stagetest.Content {
	t.Helper()
	if c.Data != nil {
		c.Size = int64(len(c.Data))
	}
	h, err := seal.New(seal.Meta{Name: c.Name, MediaType: c.MediaType, Size: c.Size}, to)
	if err != nil {
		t.Fatal(err)
	}
	file := bytes.NewBuffer(make([]byte, 0, h.SealedSize()))
	file.Write(h.Bytes())
	e, err := h.Payload().Encrypt(file, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(e, c.Reader()); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return stagetest.Content{Name: "sealed.mrx", Data: file.Bytes()}
}

// all seals several.
func all(t testing.TB, to age.Recipient, list ...stagetest.Content) []stagetest.Content {
	t.Helper()
	var out []stagetest.Content
	for _, c := range list {
		out = append(out, sealed(t, to, c))
	}
	return out
}

// yields returns a check that the outputs are what was sealed.
func yields(want ...stagetest.Content) func(*testing.T, *stage.Task, stage.Result) {
	return func(t *testing.T, task *stage.Task, r stage.Result) {
		if len(r.Files) != len(want) {
			t.Fatalf("%d files", len(r.Files))
		}
		for i, f := range r.Files {
			plain, err := io.ReadAll(want[i].Reader())
			if err != nil {
				t.Fatal(err)
			}
			if f.Name != want[i].Name || f.MediaType != want[i].MediaType {
				t.Errorf("got %v", f)
			}
			if !bytes.Equal(stagetest.Read(t, task, f), plain) {
				t.Errorf("%s decrypts to something else", f.Name)
			}
		}
		findings := map[string]string{
			"bytes_in":  fmt.Sprint(stage.Size(task.Files)),
			"bytes_out": fmt.Sprint(stage.Size(r.Files)),
		}
		if diff := cmp.Diff(findings, r.Findings); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDecrypt(t *testing.T) {
	id, stranger := identity(t), identity(t)
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	files := []stagetest.Content{
		{Name: "a.txt", MediaType: "text/plain", Data: []byte("abc")},
		{Name: "empty", Data: []byte{}},
		{Name: "whole", Size: 2 * pkg},
		{Name: "big", MediaType: "application/x-big", Size: 1<<20 + 1},
	}
	good := sealed(t, id.Recipient(), files[3]).Data
	bad := func(name string, want fault.Code, change func([]byte) []byte) stagetest.Case {
		data := change(bytes.Clone(good))
		return stagetest.Case{Name: name, Files: []stagetest.Content{{Name: "x.mrx", Data: data}}, Fault: want}
	}
	last := len(good) - 1
	stagetest.Test(t, stagetest.Kit{
		Stage: decrypt.New(decrypt.Options{Identities: []age.Identity{id, hybrid}}),
		Cases: []stagetest.Case{
			{Name: "several", Files: all(t, id.Recipient(), files...), Check: yields(files...)},
			{Name: "post-quantum", Files: all(t, hybrid.Recipient(), files[0], files[2]), Check: yields(files[0], files[2])},
			{Name: "for others", Files: all(t, stranger.Recipient(), files[0]), Fault: fault.CryptNoIdentity},
			{Name: "no files", Fault: fault.StageNoInput},
			{Name: "empty file", Files: []stagetest.Content{{Name: "x", Data: []byte{}}}, Fault: fault.CryptNotSealed},
			{Name: "plain text", Files: []stagetest.Content{{Name: "x", Size: 99}}, Fault: fault.CryptNotSealed},
			bad("cut", fault.CryptTruncated, func(b []byte) []byte { return b[:last] }),
			bad("last package gone", fault.CryptTruncated, func(b []byte) []byte { return b[:last-32] }),
			bad("appended", fault.CryptCorrupt, func(b []byte) []byte { return append(b, 0) }),
			bad("last byte", fault.CryptCorrupt, func(b []byte) []byte { b[last] ^= 1; return b }),
			bad("middle", fault.CryptCorrupt, func(b []byte) []byte { b[last/2] ^= 1; return b }),
			bad("header", fault.CryptCorrupt, func(b []byte) []byte { b[200] ^= 1; return b }),
		},
		Large: func(f stagetest.Content) stagetest.Case {
			return stagetest.Case{Files: all(t, id.Recipient(), f)}
		},
		MaxHeap: 32 << 20, Cancels: 3, Resumes: true, Unit: 4 << 20,
	})
}

func TestSizes(t *testing.T) {
	t.Parallel()
	id := identity(t)
	s := decrypt.New(decrypt.Options{Identities: []age.Identity{id}})
	for _, size := range []int64{0, 1, pkg - 1, pkg, pkg + 1, 16*pkg - 1, 16 * pkg, 16*pkg + 1, 32 * pkg, 33*pkg + 7} {
		c := stagetest.Content{Name: "x", Size: size}
		task := stagetest.NewTask(t, stagetest.Case{Files: all(t, id.Recipient(), c)})
		r, err := s.Run(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		yields(c)(t, task, r)
	}
}

// TestReversesEncrypt decrypts what encrypt has encrypted.
func TestReversesEncrypt(t *testing.T) {
	t.Parallel()
	id := identity(t)
	files := []stagetest.Content{
		{Name: "a.txt", MediaType: "text/plain", Data: []byte("abc")},
		{Name: "big", Size: 3<<20 + 1},
		{Name: "empty", Data: []byte{}},
		{Name: strings.Repeat("ü", 127), Size: 5},
	}
	task := stagetest.NewTask(t, stagetest.Case{
		Files: files, Config: `{"recipients":["` + id.Recipient().String() + `"]}`,
	})
	r, err := encrypt.New(encrypt.Options{}).Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	back := stage.Task{Store: task.Store, Files: r.Files, Job: "j", Tenant: "t", Step: "back"}
	got, err := decrypt.New(decrypt.Options{Identities: []age.Identity{id}}).Run(t.Context(), &back)
	if err != nil {
		t.Fatal(err)
	}
	yields(files...)(t, &back, got)
	if diff := cmp.Diff(task.Files, got.Files); diff != "" {
		t.Error(diff)
	}
}

// TestNothingIsHandedOn looks at the store after files that were changed: of
// content that ends in a package that was changed nothing is there under a digest.
func TestNothingIsHandedOn(t *testing.T) {
	t.Parallel()
	id := identity(t)
	plain := stagetest.Content{Name: "x", Size: 3 * pkg}
	file := sealed(t, id.Recipient(), plain)
	file.Data[len(file.Data)-1] ^= 1
	task := stagetest.NewTask(t, stagetest.Case{Files: []stagetest.Content{file}})
	r, err := decrypt.New(decrypt.Options{Identities: []age.Identity{id}}).Run(t.Context(), task)
	if !fault.Has(err, fault.CryptCorrupt) || len(r.Files) > 0 {
		t.Fatalf("%v, %v", r, err)
	}
	if msg := err.Error(); !strings.Contains(msg, "file 0") || !strings.Contains(msg, "package 2") {
		t.Errorf("the fault does not say where: %v", err)
	}
	for size := int64(1); size <= 3; size++ {
		part, err := io.ReadAll(io.LimitReader(plain.Reader(), size*pkg))
		if err != nil {
			t.Fatal(err)
		}
		other := stagetest.NewTask(t, stagetest.Case{Files: []stagetest.Content{{Name: "p", Data: part}}})
		if _, err := task.Store.Stat(t.Context(), other.Files[0].Digest); !fault.Has(err, fault.ArtifactNotFound) {
			t.Errorf("%d packages are in the store: %v", size, err)
		}
	}
}

// TestMeta restores names and media types that others have chosen.
func TestMeta(t *testing.T) {
	t.Parallel()
	id := identity(t)
	s := decrypt.New(decrypt.Options{Identities: []age.Identity{id}})
	for _, tt := range []struct{ name, mediaType, wantName, wantType string }{
		{"a.txt", "text/plain; charset=utf-8", "a.txt", "text/plain; charset=utf-8"},
		{"", "", "file", ""},
		{"../../etc/passwd", "text/html\r\nSet-Cookie: x", ".._.._etc_passwd", ""},
		{"..", "<script>", "file", ""},
		{"a\nb\x00", "a/" + strings.Repeat("b", 2000), "a_b_", ""},
		{strings.Repeat("n", 400) + ".txt", "image/png", strings.Repeat("n", 251) + ".txt", "image/png"},
	} {
		c := stagetest.Content{Name: tt.name, MediaType: tt.mediaType, Data: []byte("x")}
		task := stagetest.NewTask(t, stagetest.Case{Files: all(t, id.Recipient(), c)})
		r, err := s.Run(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		got := events.File{Name: r.Files[0].Name, MediaType: r.Files[0].MediaType}
		if diff := cmp.Diff(events.File{Name: tt.wantName, MediaType: tt.wantType}, got); diff != "" {
			t.Error(diff)
		}
		if err := r.Check(); err != nil {
			t.Error(err)
		}
	}
}

// TestNoIdentities is a mill that was given none.
func TestNoIdentities(t *testing.T) {
	t.Parallel()
	c := stagetest.Case{Files: all(t, identity(t).Recipient(), stagetest.Content{Name: "x", Size: 9})}
	_, err := decrypt.New(decrypt.Options{}).Run(t.Context(), stagetest.NewTask(t, c))
	if !fault.Has(err, fault.CryptNoIdentity) || fault.ClassOf(err) != fault.Auth {
		t.Errorf("got %v", err)
	}
}
