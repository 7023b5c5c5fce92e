package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/fault"
)

// programIn returns a program in a folder with an environment.
func programIn(dir string, env map[string]string) *Program {
	return &Program{Dir: dir, Getenv: func(name string) string { return env[name] }}
}

func TestAddressPrefersFlagThenEnvironmentThenFolder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	deep := filepath.Join(root, "a", "b")
	data := filepath.Join(root, DefaultDataDir)
	for _, dir := range []string{deep, data} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeRunFile(data, RunFile{HTTP: "http://127.0.0.1:1", PID: os.Getpid()}); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{serverEnv: "http://env:2/"}
	for _, c := range []struct {
		flag string
		env  map[string]string
		want string
	}{
		{"https://flag:3/base/", env, "https://flag:3/base"},
		{"", env, "http://env:2"},
		{"", nil, "http://127.0.0.1:1"},
	} {
		got, err := programIn(deep, c.env).address(serverFlags{url: c.flag})
		if got != c.want || err != nil {
			t.Errorf("address %q, %v, want %q", got, err, c.want)
		}
	}
}

func TestAddressRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"localhost:7420", "ftp://x", "http://", "://", "nats://h:1"} {
		if _, err := programIn("/", nil).address(serverFlags{url: bad}); !fault.Has(err, fault.CliUsage) {
			t.Errorf("--server %s: %v", bad, err)
		}
	}
	if _, err := programIn(t.TempDir(), nil).address(serverFlags{}); !fault.Has(err, fault.CliNoServer) {
		t.Errorf("no server: %v", err)
	}
}

func TestRunFileOfADeadProcessIsNotUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, DefaultDataDir)
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	// No process has this id: it is above the largest that Linux gives.
	if err := writeRunFile(data, RunFile{HTTP: "http://127.0.0.1:1", PID: 1 << 22}); err != nil {
		t.Fatal(err)
	}
	if _, err := programIn(dir, nil).address(serverFlags{}); !fault.Has(err, fault.CliNoServer) {
		t.Errorf("address of a dead mill: %v", err)
	}
	if err := removeRunFile(data); err != nil {
		t.Error(err)
	}
	if _, err := readRunFile(data); err != nil {
		t.Errorf("the file of another process is gone: %v", err)
	}
}

func TestRunFileIsWrittenWholeAndRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := RunFile{HTTP: "http://127.0.0.1:7420", NATS: "nats://127.0.0.1:4222", PID: os.Getpid()}
	for range 2 {
		if err := writeRunFile(dir, want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readRunFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := removeRunFile(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestListenAddr(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "7420": "127.0.0.1:7420", ":0": "127.0.0.1:0", "0.0.0.0:80": "0.0.0.0:80", "[::1]:9": "[::1]:9",
	} {
		if got, err := listenAddr("--http-addr", in); got != want || err != nil {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
	for _, bad := range []string{"x", "host:", ":", "1:2:3", "h:99999"} {
		if _, err := listenAddr("--http-addr", bad); !fault.Has(err, fault.CliUsage) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
