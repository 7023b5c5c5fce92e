package fetch_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/services/stages/fetch"
)

// TestLocalGoesOn kills attempts at a local file that stays as it is, or does not.
func TestLocalGoesOn(t *testing.T) {
	t.Parallel()
	const killed = 2 << 20
	for name, test := range map[string]struct {
		change func(t *testing.T, path string) error
		want   []byte
		over   bool
	}{
		"stays": {func(*testing.T, string) error { return nil }, older.data, false},
		"is written anew": {func(_ *testing.T, path string) error {
			return os.WriteFile(path, newer.data, 0o600)
		}, newer.data, true},
		"is written anew and set back": {func(_ *testing.T, path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			if err := os.WriteFile(path, newer.data, 0o600); err != nil {
				return err
			}
			return os.Chtimes(path, info.ModTime(), info.ModTime())
		}, newer.data, true},
		"is replaced": {func(_ *testing.T, path string) error {
			if err := os.WriteFile(path+".new", newer.data, 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}, newer.data, true},
		"shrinks":        {func(_ *testing.T, path string) error { return os.Truncate(path, killed/2) }, older.data[:killed/2], true},
		"shrinks to it":  {func(_ *testing.T, path string) error { return os.Truncate(path, killed) }, older.data[:killed], true},
		"is another now": {func(_ *testing.T, path string) error { return os.Chmod(path, 0o640) }, older.data, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := write(t, filepath.Join(t.TempDir(), "f"), string(older.data))
			j := newJob(t, fetch.New(fetch.Options{AllowPaths: []string{filepath.Dir(path)}}), at(path)...)
			j.crash(killed)
			if err := test.change(t, path); err != nil {
				t.Fatal(err)
			}
			moved := j.moved
			j.finish(test.want)
			if j.resumed.Done == 0 {
				t.Error("nothing was saved")
			}
			want := int64(len(test.want))
			if !test.over {
				want -= j.resumed.Done
			}
			if got := j.moved - moved; got != want {
				t.Errorf("%d bytes were read after %d, not %d", got, j.resumed.Done, want)
			}
		})
	}
}

// TestLocalAtTheByte kills attempts at many bytes of a local file.
func TestLocalAtTheByte(t *testing.T) {
	t.Parallel()
	path := write(t, filepath.Join(t.TempDir(), "f"), string(older.data))
	s := fetch.New(fetch.Options{AllowPaths: []string{filepath.Dir(path)}})
	for killed := int64(1); killed <= fileSize; killed += 333_333 {
		j := newJob(t, s, at(path)...)
		j.crash(killed)
		j.crash(min(killed+100_000, fileSize))
		j.finish(older.data)
		if again := j.moved - fileSize; again > 2*crashCost {
			t.Errorf("killed at %d: %d bytes were read again", killed, again)
		}
	}
}
