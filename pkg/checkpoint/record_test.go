package checkpoint

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/schemas"
)

// sample is a record with every field that a save has.
func sample() events.Checkpoint {
	return events.Checkpoint{
		Job: rigKey.Job, Tenant: rigKey.Tenant, Step: rigKey.Step, Stage: "compress@1", Logic: "zstd-1",
		Attempt: 2, Worker: "host/1", Kind: events.CheckpointSave, Sequence: 3, Previous: digest(nil),
		Inputs: digest(nil), Version: 1, State: json.RawMessage(`{"in":33554432,"text":"<&>"}`),
		Outputs: map[string]json.RawMessage{"0": json.RawMessage(`{"size":12}`)},
		Saves:   2, Done: 33554432, Total: 73400320, Time: stamp(rigStart),
	}
}

func TestRecordRoundTrip(t *testing.T) {
	t.Parallel()
	want := sample()
	data, err := encode(want)
	must(t, err)
	got, err := decode(rigKey, data)
	must(t, err)
	want.State = json.RawMessage(`{"in":33554432,"text":"\u003c\u0026\u003e"}`)
	same(t, &want, got)

	var open events.Checkpoint
	must(t, json.Unmarshal(data, &open))
	open.Check = ""
	body, err := json.Marshal(open)
	must(t, err)
	var sealed events.Checkpoint
	must(t, json.Unmarshal(data, &sealed))
	same(t, digest(body), sealed.Check) // as the schema says
}

// TestDamagedRecord changes each byte of a record in several ways.
func TestDamagedRecord(t *testing.T) {
	t.Parallel()
	data, err := encode(sample())
	must(t, err)
	for i := range data {
		for _, flip := range []byte{1, 2, 4, 8, 16, 32, 64, 128} {
			damaged := bytes.Clone(data)
			damaged[i] ^= flip
			if r, err := decode(rigKey, damaged); err == nil {
				t.Fatalf("byte %d with %#x flipped is taken for %+v", i, flip, r)
			}
		}
		if _, err := decode(rigKey, data[:i]); err == nil {
			t.Fatalf("the first %d bytes are taken for a record", i)
		}
	}
}

// TestForeignRecord seals what is no record of the step.
func TestForeignRecord(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*events.Checkpoint){
		"other job":       func(r *events.Checkpoint) { r.Job = "another" },
		"other tenant":    func(r *events.Checkpoint) { r.Tenant = "another" },
		"other step":      func(r *events.Checkpoint) { r.Step = "another" },
		"unknown kind":    func(r *events.Checkpoint) { r.Kind = "guess" },
		"no sequence":     func(r *events.Checkpoint) { r.Sequence = 0 },
		"save of nothing": func(r *events.Checkpoint) { r.State = nil },
		"negative number": func(r *events.Checkpoint) { r.Saves = -1 },
	} {
		r := sample()
		change(&r)
		data, err := encode(r)
		must(t, err)
		if _, err := decode(rigKey, data); err == nil {
			t.Errorf("%s: is taken for a record", name)
		}
	}
	for _, body := range []string{"{}", "[]", "null", `{"job":1}`, "}", `{"job":"a"`, "{\x00}"} {
		if _, err := decode(rigKey, seal([]byte(body))); err == nil {
			t.Errorf("%q is taken for a record", body)
		}
	}
}

func TestRecordTooLarge(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Outputs["1"] = json.RawMessage(`"` + strings.Repeat("x", maxRecord) + `"`)
	_, err := encode(r)
	wantFault(t, err, fault.CheckpointTooLarge)
}

func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	r := sample()
	long := strings.Repeat("é\n", 2_000)
	r.Worker, r.Logic, r.Reason = long, long, long
	data, err := encode(r)
	must(t, err)
	if p := schemas.Validate("checkpoint", data); len(p) > 0 {
		t.Fatalf("%+v", p)
	}
}

func TestClosing(t *testing.T) {
	t.Parallel()
	data := Closing(rigKey, "compress@1", 3, rigStart)
	if p := schemas.Validate("checkpoint", data); len(p) > 0 {
		t.Fatalf("%+v", p)
	}
	r, err := decode(rigKey, data)
	must(t, err)
	same(t, &events.Checkpoint{
		Job: rigKey.Job, Tenant: rigKey.Tenant, Step: rigKey.Step, Stage: "compress@1", Attempt: 3,
		Kind: events.CheckpointClosed, Sequence: 1, Time: stamp(rigStart),
	}, r)
}

// FuzzDecode reads anything as a record, also behind its right digest. What is
// taken for a record is written as the same again.
func FuzzDecode(f *testing.F) {
	data, err := encode(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(append(data[:len(data)-checkSize:len(data)-checkSize], '}'))
	f.Add(Closing(rigKey, "compress@1", 1, rigStart))
	f.Add([]byte(`{"kind":"save","sequence":1,"state":null}`))
	f.Add([]byte("}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list := [][]byte{data}
		if len(data) > 0 {
			list = append(list, seal(data))
		}
		for _, data := range list {
			r, err := decode(rigKey, data)
			if err != nil {
				continue
			}
			again, err := encode(*r)
			if err != nil {
				continue // longer than it came, because of what JSON escapes
			}
			if _, err := decode(rigKey, again); err != nil {
				t.Fatalf("%s is not read again: %v", again, err)
			}
		}
	})
}
