package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

func TestInputsTellsFilesFromURLsAndDigests(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	digest := "sha256:" + strings.Repeat("0", 64)
	got, err := programIn(dir, nil).inputs([]string{"a.txt", "https://h/x.pdf?q=1", digest, "-"}, "")
	if err != nil {
		t.Fatal(err)
	}
	want := []input{
		{path: filepath.Join(dir, "a.txt"), name: "a.txt", size: 3},
		{source: events.Source{URL: "https://h/x.pdf?q=1"}},
		{source: events.Source{Digest: digest}},
		{stdin: true, name: "stdin"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(input{})); diff != "" {
		t.Error(diff)
	}
}

func TestInputsRefusesBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	newline := filepath.Join(dir, "two\nlines")
	if err := os.WriteFile(newline, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		name string
		want fault.Code
	}{
		{[]string{"missing"}, "", fault.CliUnreadable},
		{[]string{"."}, "", fault.CliUnreadable},
		{[]string{""}, "", fault.CliUsage},
		{[]string{"-", "-"}, "", fault.CliUsage},
		{[]string{"a", "b"}, "x", fault.CliUsage},
		{[]string{"sha256:123"}, "", fault.ArtifactBadDigest},
		{[]string{newline}, "", fault.SubmitBadName},
		{[]string{"-"}, "../x", fault.SubmitBadName},
	} {
		if _, err := programIn(dir, nil).inputs(c.args, c.name); !fault.Has(err, c.want) {
			t.Errorf("%q named %q: %v, want %s", c.args, c.name, err, c.want)
		}
	}
	// Another name makes a file with an impossible one acceptable.
	got, err := programIn(dir, nil).inputs([]string{newline}, "one-line")
	if err != nil || got[0].name != "one-line" {
		t.Errorf("with --name: %v, %v", got, err)
	}
}
