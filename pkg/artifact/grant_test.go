package artifact_test

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
)

func TestGrants(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	disk, err := fsstore.New(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []driver.Store{memstore.New(), disk} {
		s := artifact.New(d, nil)
		f, err := s.Put(t.Context(), strings.NewReader("content"), nil)
		if err != nil {
			t.Fatal(err)
		}
		other, err := s.Put(t.Context(), strings.NewReader("other content"), nil)
		if err != nil {
			t.Fatal(err)
		}
		want := func(tenant, digest string, want bool) {
			t.Helper()
			if got, err := s.Granted(t.Context(), tenant, digest); got != want || err != nil {
				t.Errorf("%s %s: %v %v", tenant, digest, got, err)
			}
		}
		grant := func(tenant, digest string) {
			t.Helper()
			if err := s.Grant(t.Context(), tenant, digest); err != nil {
				t.Fatal(err)
			}
		}
		want("a", f.Digest, false)
		grant("a", f.Digest)
		grant("a", f.Digest)
		grant("a", other.Digest)
		grant("b_c-"+strings.Repeat("x", 60), f.Digest)
		want("a", f.Digest, true)
		want("b_c-"+strings.Repeat("x", 60), f.Digest, true)
		want("b", f.Digest, false)

		// What is deleted and stored again by another is the other's alone.
		if err := s.Delete(t.Context(), f.Digest); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(t.Context(), strings.NewReader("content"), nil); err != nil {
			t.Fatal(err)
		}
		want("a", f.Digest, false)
		want("a", other.Digest, true)
		for _, bad := range []string{"", "sha256:x", "../../x"} {
			if _, err := s.Granted(t.Context(), "a", bad); !fault.Has(err, fault.ArtifactBadDigest) {
				t.Errorf("%q: %v", bad, err)
			}
			if err := s.Grant(t.Context(), "a", bad); !fault.Has(err, fault.ArtifactBadDigest) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	// A store that is opened again still knows.
	disk, err = fsstore.New(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := artifact.New(disk, nil)
	f, err := s.Put(t.Context(), strings.NewReader("other content"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := s.Granted(t.Context(), "a", f.Digest); !ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
