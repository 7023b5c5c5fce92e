package encrypt

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/pkg/fault"
)

// TestOpenSecret makes a secret by many at once, who all get the same.
func TestOpenSecret(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "encrypt.secret")
	secrets := make([]Secret, 8)
	var wg sync.WaitGroup
	for i := range secrets {
		wg.Go(func() {
			var err error
			if secrets[i], err = OpenSecret(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range secrets {
		if s != secrets[0] || s == (Secret{}) {
			t.Error("not all have the same secret")
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 1 {
		t.Errorf("%v is left, %v", list, err)
	}
}

func TestOpenSecretRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"empty": "", "short": "00ff", "no hex": strings.Repeat("xy", 32), "long": strings.Repeat("a", 66),
		"zeros": strings.Repeat("0", 64),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := OpenSecret(path)
		if !fault.Has(err, fault.CryptBadKeyFile) || len(text) > 4 && strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "none", "secret")} {
		if _, err := OpenSecret(path); !fault.Has(err, fault.CryptBadKeyFile) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestBinding opens a sealed key with everything the same but one.
func TestBinding(t *testing.T) {
	t.Parallel()
	s, good := newSecret(), binding{Tenant: "t", Job: "j", Step: "s", File: 1, Digest: "d", Size: 9}
	sealed, err := s.seal(good, []byte("key"), 77)
	if err != nil {
		t.Fatal(err)
	}
	if key, n, ok := s.open(good, sealed); !ok || n != 77 || !bytes.Equal(key, []byte("key")) {
		t.Fatalf("%q, %d, %v", key, n, ok)
	}
	for name, change := range map[string]func(*binding){
		"tenant": func(b *binding) { b.Tenant = "u" },
		"job":    func(b *binding) { b.Job = "k" },
		"step":   func(b *binding) { b.Step = "r" },
		"file":   func(b *binding) { b.File = 0 },
		"digest": func(b *binding) { b.Digest = "e" },
		"size":   func(b *binding) { b.Size++ },
		"shift":  func(b *binding) { b.Tenant, b.Job = "tj", "" },
	} {
		other := good
		change(&other)
		if _, _, ok := s.open(other, sealed); ok {
			t.Errorf("opens with another %s", name)
		}
	}
	if _, _, ok := newSecret().open(good, sealed); ok {
		t.Error("opens with another secret")
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 4
		if _, _, ok := s.open(good, changed); ok {
			t.Errorf("opens with byte %d changed", i)
		}
		if _, _, ok := s.open(good, sealed[:i]); ok {
			t.Errorf("opens when cut at %d", i)
		}
	}
	if s.version() == newSecret().version() || s.version()&layout == 0 {
		t.Error("the version of the state says nothing of the secret")
	}
}

func TestSecretDoesNotShow(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, newSecret()); got != "(secret)" {
			t.Errorf("%s shows %s", verb, got)
		}
	}
}
