package apt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// machine makes a machine with the programs named: each writes down how it was called. A
// sudo does what it is told, one that asks for a password fails.
func machine(t *testing.T, programs ...string) (log string) {
	t.Helper()
	dir := t.TempDir()
	log = filepath.Join(dir, "log")
	scripts := map[string]string{
		"apt-get": "#!/bin/sh\necho \"$DEBIAN_FRONTEND apt-get $*\" >> " + log + "\n",
		"broken":  "#!/bin/sh\necho no network\nexit 100\n",
		"sudo":    "#!/bin/sh\necho sudo >> " + log + "\nshift\nexec \"$@\"\n",
		"asking":  "#!/bin/sh\nexit 1\n",
	}
	names := map[string]string{"broken": "apt-get", "asking": "sudo"}
	for _, p := range programs {
		name := p
		if names[p] != "" {
			name = names[p]
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(scripts[p]), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []string{"env", "true", "sh"} {
		for _, at := range []string{"/usr/bin/", "/bin/"} {
			if _, err := os.Stat(at + p); err == nil {
				_ = os.Symlink(at+p, filepath.Join(dir, p)) // the second is there already
			}
		}
	}
	t.Setenv("PATH", dir)
	return log
}

// TestInstall installs on machines of several kinds. It changes PATH, so nothing else runs
// beside it.
func TestInstall(t *testing.T) {
	const (
		update  = "noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 update\n"
		install = "noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends thing\n"
	)
	for name, c := range map[string]struct {
		root     bool
		programs []string
		log      string
		refused  string
	}{
		"root":                {true, []string{"apt-get"}, update + install, ""},
		"root with sudo":      {true, []string{"apt-get", "sudo"}, update + install, ""},
		"sudo":                {false, []string{"apt-get", "sudo"}, "sudo\nsudo\n" + update + "sudo\n" + install, ""},
		"a password":          {false, []string{"apt-get", "asking"}, "", "sudo apt-get install thing"},
		"nobody":              {false, []string{"apt-get"}, "", "sudo apt-get install thing"},
		"another system":      {true, nil, "", "without apt-get"},
		"without the network": {true, []string{"broken"}, "", "no network"},
	} {
		t.Run(name, func(t *testing.T) {
			log := machine(t, c.programs...)
			i, err := open(t.Context(), c.root, "Thing", []string{"thing"})
			if err == nil {
				err = i.Install(t.Context(), "thing")
			}
			if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
				t.Errorf("got %v, want %q", err, c.refused)
			}
			got, _ := os.ReadFile(log)
			if d := cmp.Diff(c.log, string(got)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
