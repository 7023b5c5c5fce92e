package brokerusers_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/millrace/brokerusers"
)

func open(t *testing.T) (*brokerusers.Folder, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "users")
	f, err := brokerusers.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f, dir
}

func users(t *testing.T, f *brokerusers.Folder) (all []brokeruser.User) {
	t.Helper()
	all, err := f.Users()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestKeysAreKept: what is there stays, and only what is missing is made.
func TestKeysAreKept(t *testing.T) {
	t.Parallel()
	f, dir := open(t)
	roles := []brokeruser.Role{brokeruser.Conductor, brokeruser.Stage("hash")}
	if made, err := f.Ensure(roles); err != nil || !cmp.Equal(made, roles) {
		t.Fatalf("made %v, %v", made, err)
	}
	first := users(t, f)
	if made, err := f.Ensure(append(roles, brokeruser.Setup)); err != nil || len(made) != 1 || made[0] != brokeruser.Setup {
		t.Errorf("made %v, %v", made, err)
	}
	now := users(t, f)
	if diff := cmp.Diff(first, []brokeruser.User{now[0], now[2]}); diff != "" || now[1].Role != brokeruser.Setup {
		t.Errorf("%v: %s", now, diff)
	}
	info, err := os.Stat(filepath.Join(dir, "stage-hash.nk"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of a key: %v, %v", info.Mode(), err)
	}
	if err := f.WriteConfig(); err != nil {
		t.Fatal(err)
	}
	seed, serr := os.ReadFile(f.Path(brokeruser.Conductor))
	config, err := os.ReadFile(f.ConfigPath())
	if err != nil || serr != nil || strings.Count(string(config), "nkey: U") != 3 ||
		strings.Contains(string(config), strings.TrimSpace(string(seed))) {
		t.Errorf("%s, %v", config, err)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	f, _ := open(t)
	r := brokeruser.Stage("hash")
	if err := f.Rotate(r); !fault.Has(err, fault.BrokerNoKey) {
		t.Errorf("without a key: %v", err)
	}
	if _, err := f.Ensure([]brokeruser.Role{r}); err != nil {
		t.Fatal(err)
	}
	old := users(t, f)[0].Key
	if err := f.Retire(r); !fault.Has(err, fault.BrokerNothingToRetire) {
		t.Errorf("before a rotation: %v", err)
	}
	if err := f.Rotate(r); err != nil {
		t.Fatal(err)
	}
	both := users(t, f)
	if len(both) != 2 || both[0].Role != r || both[1].Role != r || both[0].Key == both[1].Key {
		t.Fatalf("beside each other: %v", both)
	}
	if err := f.Rotate(r); !fault.Has(err, fault.BrokerRotationOpen) {
		t.Errorf("in a rotation: %v", err)
	}
	if err := f.Retire(r); err != nil {
		t.Fatal(err)
	}
	if left := users(t, f); len(left) != 1 || left[0].Key == old {
		t.Errorf("left is %v, the old one was %s", left, old)
	}
}

func TestAFolderThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	f, dir := open(t)
	if err := os.WriteFile(filepath.Join(dir, "setup.nk"), []byte("no key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Users(); !fault.Has(err, fault.BrokerBadKey) || strings.Contains(err.Error(), "no key\n") {
		t.Errorf("a file without a key: %v", err)
	}
	if err := f.WriteConfig(); !fault.Has(err, fault.BrokerBadKey) {
		t.Errorf("a config with it: %v", err)
	}
	if _, err := brokerusers.Open(filepath.Join(dir, "setup.nk")); !fault.Has(err, fault.BrokerFolderUnusable) {
		t.Errorf("a file as a folder: %v", err)
	}
}
