package outputs_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/outputs"
)

func TestListSurvivesJSON(t *testing.T) {
	t.Parallel()
	var l outputs.List
	var want []events.File
	for i := range stage.MaxFiles {
		f := events.File{Digest: fmt.Sprintf("sha256:%064x", i*i), Size: int64(i) << 40}
		if err := l.Add(f); err != nil {
			t.Fatal(err)
		}
		want = append(want, f)
	}
	data, err := json.Marshal(l)
	if err != nil || len(data) > 56<<10 {
		t.Fatalf("%d bytes of JSON, %v", len(data), err)
	}
	var back outputs.List
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	var got []events.File
	for i := range back.Len() {
		f, _ := back.File(i)
		got = append(got, f)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestListRefuses(t *testing.T) {
	t.Parallel()
	var l outputs.List
	for _, d := range []string{"", "sha256:", "md5:" + strings.Repeat("0", 64), "sha256:" + strings.Repeat("G", 64)} {
		if err := l.Add(events.File{Digest: d}); !fault.Has(err, fault.ArtifactBadDigest) {
			t.Errorf("%q: %v", d, err)
		}
	}
	for _, i := range []int{-1, 0, 1} {
		if f, ok := l.File(i); ok {
			t.Errorf("file %d of none is %v", i, f)
		}
	}
	l = append(l, "half an entry"...)
	if l.Len() != 0 {
		t.Errorf("half an entry counts as %d", l.Len())
	}
}
