package stage_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

type sample struct {
	Level string         `json:"level"`
	Limit stage.Bytes    `json:"limit"`
	Idle  stage.Duration `json:"idle"`
	Tags  []string       `json:"tags"`
	inner int
	Skip  string `json:"-"`
}

func (s *sample) Check() error {
	switch {
	case s.Level == "odd" || s.inner != 0:
		return errors.New("level cannot be odd")
	case s.Level == "unknown":
		return fault.New(fault.CompressBadLevel, s.Level, nil)
	}
	return nil
}

func TestConfigDecodes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		raw  string
		want sample
	}{
		"nothing":     {"", sample{Level: "default"}},
		"null":        {" null ", sample{Level: "default"}},
		"empty":       {"{}", sample{Level: "default"}},
		"over":        {`{"level":"best"}`, sample{Level: "best"}},
		"number":      {`{"limit":5}`, sample{Level: "default", Limit: 5}},
		"unit":        {`{"limit":"64MiB"}`, sample{Level: "default", Limit: 64 << 20}},
		"decimal":     {`{"limit":"10 GB"}`, sample{Level: "default", Limit: 1e10}},
		"duration":    {`{"idle":"1m30s"}`, sample{Level: "default", Idle: stage.Duration(90 * time.Second)}},
		"with a list": {"{\n\"tags\" : [\"a\"] }\n", sample{Level: "default", Tags: []string{"a"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := sample{Level: "default"}
			task := &stage.Task{RawConfig: json.RawMessage(tt.raw)}
			if err := task.Config(&got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(sample{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConfigRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		raw  string
		want fault.Code
	}{
		"not JSON":        {`{`, fault.StageBadConfig},
		"cut":             {`{"level":`, fault.StageBadConfig},
		"a list":          {`[]`, fault.StageBadConfig},
		"a string":        {`"level"`, fault.StageBadConfig},
		"unknown field":   {`{"levle":"best"}`, fault.StageBadConfig},
		"other case":      {`{"LEVEL":"best"}`, fault.StageBadConfig},
		"unexported":      {`{"inner":1}`, fault.StageBadConfig},
		"hidden":          {`{"Skip":"x"}`, fault.StageBadConfig},
		"given twice":     {`{"level":"best","level":"fastest"}`, fault.StageBadConfig},
		"wrong type":      {`{"level":7}`, fault.StageBadConfig},
		"two objects":     {`{} {}`, fault.StageBadConfig},
		"rubbish after":   {`{} x`, fault.StageBadConfig},
		"negative size":   {`{"limit":-1}`, fault.StageBadConfig},
		"fraction":        {`{"limit":1.5}`, fault.StageBadConfig},
		"no unit":         {`{"limit":"5 apples"}`, fault.StageBadConfig},
		"odd unit":        {`{"limit":"5BB"}`, fault.StageBadConfig},
		"only a unit":     {`{"limit":"MiB"}`, fault.StageBadConfig},
		"overflow":        {`{"limit":"9223372036854775807TiB"}`, fault.StageBadConfig},
		"size as a list":  {`{"limit":[1]}`, fault.StageBadConfig},
		"bare duration":   {`{"idle":30}`, fault.StageBadConfig},
		"negative time":   {`{"idle":"-1s"}`, fault.StageBadConfig},
		"unknown time":    {`{"idle":"1 fortnight"}`, fault.StageBadConfig},
		"refused by rule": {`{"level":"odd"}`, fault.StageBadConfig},
		"own fault":       {`{"level":"unknown"}`, fault.CompressBadLevel},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got sample
			task := &stage.Task{RawConfig: json.RawMessage(tt.raw)}
			err := task.Config(&got)
			if !fault.Has(err, tt.want) {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func FuzzConfig(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"level":"best","limit":"1KiB","idle":"1s","tags":["a"]}`,
		`{"limit":18446744073709551616}`, `{"a":{"b":[1,{"c":null}]}}`, "{\"\\ud800\":1}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var got sample
		task := &stage.Task{RawConfig: raw}
		if err := task.Config(&got); err != nil {
			if c := fault.From(err).Code; c != fault.StageBadConfig && c != fault.CompressBadLevel {
				t.Fatalf("fault %s", c)
			}
			return
		}
		if got.Limit < 0 || got.Idle < 0 {
			t.Fatalf("negative quantity from %q: %+v", raw, got)
		}
	})
}
