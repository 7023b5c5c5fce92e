package flow_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/flow"
)

var update = flag.Bool("update", false, "write generated and golden files anew")

func TestMachinesFileIsCurrent(t *testing.T) {
	const file = "MACHINES.md"
	want := flow.Diagrams()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is stale; run: go generate ./pkg/flow\n%s", file, diff)
	}
}
