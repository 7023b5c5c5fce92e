package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// publish writes what the mill would have published, compressed.
func publish(t *testing.T, path, content string) {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, w.EncodeAll([]byte(content), nil), 0o600); err != nil {
		t.Fatal(err)
	}
}

// published makes an original and its result, and the item that connects them.
func published(t *testing.T, original, result string) (Config, Item) {
	t.Helper()
	c := Config{Results: filepath.Join(t.TempDir(), "results")}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(original), 0o600); err != nil {
		t.Fatal(err)
	}
	digest, err := digestOf(path)
	if err != nil {
		t.Fatal(err)
	}
	item := Item{
		Pick: Pick{Path: path, Folder: ".", Size: int64(len(original))}, Digest: digest,
		Published: filepath.Join(c.Results, "file.zst"),
	}
	publish(t, item.Published, result)
	return c, item
}

func TestRestoresReadsTheResultItself(t *testing.T) {
	t.Parallel()
	c, item := published(t, "the bytes", "the bytes")
	if wrong := restores(c, &item, nil); wrong != "" {
		t.Errorf("a good result: %s", wrong)
	}
	if item.PublishedSize == 0 {
		t.Error("the size of the result is not known")
	}
	for _, other := range []string{"the bytez", "the bytes and more", "the byte", ""} {
		c, item := published(t, "the bytes", other)
		if wrong := restores(c, &item, nil); !strings.Contains(wrong, "decompresses to") {
			t.Errorf("a result of %q: %q", other, wrong)
		}
	}
}

func TestRestoresRefusesDamage(t *testing.T) {
	t.Parallel()
	c, item := published(t, strings.Repeat("the bytes ", 1000), strings.Repeat("the bytes ", 1000))
	data, err := os.ReadFile(item.Published)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(item.Published, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if wrong := restores(c, &item, nil); wrong == "" {
		t.Error("half a file passes")
	}
	item.Published = filepath.Join(c.Results, "gone")
	if wrong := restores(c, &item, nil); !strings.Contains(wrong, "no such file") {
		t.Errorf("a missing file: %q", wrong)
	}
	item.Published = item.Path
	if wrong := restores(c, &item, nil); !strings.Contains(wrong, "outside") {
		t.Errorf("a file elsewhere: %q", wrong)
	}
	item.Published = ""
	if wrong := restores(c, &item, nil); wrong != "nothing was published" {
		t.Errorf("no file: %q", wrong)
	}
}

func TestHistoryChecks(t *testing.T) {
	t.Parallel()
	item := &Item{Digest: "sha256:1"}
	record := func(revision uint64, s events.JobState, digest string) events.Record {
		return events.Record{Revision: revision, Job: events.Job{State: s, Steps: map[string]events.Step{
			"verify": {Files: []events.File{{Digest: digest}}},
		}}}
	}
	whole := []events.Record{record(1, events.JobAccepted, ""), record(2, events.JobCompleted, "sha256:1")}
	if gapless(Config{}, item, whole) != "" || roundTrip(Config{}, item, whole) != "" {
		t.Error("a good history does not pass")
	}
	for name, history := range map[string][]events.Record{
		"none":   nil,
		"a gap":  {whole[0], record(3, events.JobCompleted, "sha256:1")},
		"double": {whole[0], whole[0], whole[1]},
		"no end": {whole[0]},
	} {
		if gapless(Config{}, item, history) == "" {
			t.Errorf("%s: passes as gapless", name)
		}
	}
	if roundTrip(Config{}, item, []events.Record{record(1, events.JobCompleted, "sha256:2")}) == "" {
		t.Error("another digest passes")
	}
	if roundTrip(Config{}, item, nil) == "" {
		t.Error("no history passes")
	}
}

func TestNothingElseFindsStrangers(t *testing.T) {
	t.Parallel()
	c, item := published(t, "x", "x")
	if k := nothingElse(c, []Item{item}); !k.OK() {
		t.Errorf("a tidy folder: %+v", k)
	}
	if k := nothingElse(c, []Item{item, {Published: filepath.Join(c.Results, "lost")}}); k.OK() {
		t.Error("a missing result passes")
	}
	if err := os.WriteFile(filepath.Join(c.Results, ".half.tmp"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k := nothingElse(c, []Item{item})
	if diff := cmp.Diff([]string{"unexpected .half.tmp"}, k.Problems); k.OK() || diff != "" {
		t.Errorf("a stranger: %+v\n%s", k, diff)
	}
}

func TestJobErrorNamesTheFault(t *testing.T) {
	t.Parallel()
	err := jobError(events.Job{ID: "j", State: events.JobPartial, Steps: map[string]events.Step{
		"a": {State: events.StepSucceeded},
		"b": {State: events.StepFailed, Fault: &events.Fault{Code: "publish.exists", Class: "conflict", Message: "m"}},
	}})
	if !fault.Has(err, fault.PublishExists) || fault.ClassOf(err) != fault.Conflict {
		t.Errorf("%v", err)
	}
	if err := jobError(events.Job{ID: "j", State: events.JobCancelled}); !fault.Has(err, fault.DemoCheckFailed) {
		t.Errorf("without a fault: %v", err)
	}
}
