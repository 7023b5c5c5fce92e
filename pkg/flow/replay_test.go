package flow_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// histories are jobs whose records are kept in testdata, by the state that they end
// in, and the rules that they moved by if there are several.
var histories = map[string]func(t *testing.T) *world{
	"cancelled.rules1": func(t *testing.T) *world { return tellAttention(t, 1) },
	"cancelled.rules2": func(t *testing.T) *world { return tellAttention(t, 2) },
	"cancelled.rules3": func(t *testing.T) *world { return tellAttention(t, 3) },
	"completed": func(t *testing.T) *world {
		w := submit(t, taskPlan(), taskSources()...)
		w.ok("get")
		w.fail("own", fault.RateLimited)
		w.fire("own")
		w.ok("own")
		w.ok("zip")
		w.ok("end")
		return w
	},
	"rolled_back": func(t *testing.T) *world {
		w := submit(t, chain("a", "b", "c"))
		w.ok("a")
		w.fail("b", fault.Auth)
		w.command(events.VerbRetry)
		w.ok("b")
		w.fail("c", fault.Timeout)
		w.fire("c")
		w.fail("c", fault.DataQuality)
		w.undo("b", fault.Transient)
		w.must(timer("b", 1, true))
		w.undo("b", "")
		w.undo("a", "")
		return w
	},
	"cancelled": func(t *testing.T) *world {
		w := submit(t, chain("a", "b", "c"))
		w.ok("a")
		w.command(events.VerbCancel)
		w.fail("b", fault.Cancelled)
		w.undo("a", "")
		return w
	},
	"partial": func(t *testing.T) *world {
		w := submit(t, newPlan(
			flow.Step{ID: "a"}, flow.Step{ID: "b", Needs: []string{"a"}},
			flow.Step{ID: "c", When: always(false)}, flow.Step{ID: "d"},
		))
		w.ok("d")
		w.fail("a", fault.UnknownEffect)
		w.command(events.VerbAbandon)
		return w
	},
}

// TestOldHistoriesReplay keeps decisions of the past: a job that was recorded by
// an earlier version is made again byte for byte. A difference means that jobs
// in flight would change their course on an upgrade.
func TestOldHistoriesReplay(t *testing.T) {
	t.Parallel()
	for name, tell := range histories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("testdata", "histories", name+".json")
			w := tell(t)
			if *update {
				writeHistory(t, path, w.records)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var records []events.Record
			if err := json.Unmarshal(data, &records); err != nil {
				t.Fatal(err)
			}
			got, err := flow.Replay(w.plan, records)
			if err != nil {
				t.Fatal(err)
			}
			if state, _, _ := strings.Cut(name, "."); string(got.State) != state {
				t.Errorf("the job ends %s, want %s", got.State, name)
			}
			if diff := cmp.Diff(asJSON(t, records), asJSON(t, w.records)); diff != "" {
				t.Errorf("today's records differ (-old +new):\n%s", diff)
			}
		})
	}
}

func writeHistory(t *testing.T, path string, records []events.Record) {
	t.Helper()
	data, err := json.MarshalIndent(records, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReplayOfNothingIsTheZeroJob(t *testing.T) {
	t.Parallel()
	got, err := flow.Replay(chain("a"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(events.Job{}, got); diff != "" {
		t.Errorf("job differs (-want +got):\n%s", diff)
	}
}

func TestReplayFindsWhatWasTamperedWith(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]func(r []events.Record) []events.Record{
		"gap":       func(r []events.Record) []events.Record { return append(r[:2:2], r[3:]...) },
		"no start":  func(r []events.Record) []events.Record { return r[1:] },
		"repeated":  func(r []events.Record) []events.Record { r[2].Input = r[1].Input; return r },
		"revision":  func(r []events.Record) []events.Record { r[1].Revision = 7; return r },
		"state":     func(r []events.Record) []events.Record { r[1].Job.State = events.JobFailed; return r },
		"type":      func(r []events.Record) []events.Record { r[1].Type = flow.TypeJobFailed; return r },
		"step":      func(r []events.Record) []events.Record { r[1].Step = "c"; return r },
		"attempt":   func(r []events.Record) []events.Record { r[1].Attempt = 2; return r },
		"due":       func(r []events.Record) []events.Record { r[1].Due = nil; return r },
		"entropy":   func(r []events.Record) []events.Record { r[2].Entropy ^= 1; return r },
		"time":      func(r []events.Record) []events.Record { r[2].Time = r[2].Time.AddDate(0, 0, 1); return r },
		"refused":   func(r []events.Record) []events.Record { r[2].Input = command("dance"); return r },
		"bad bytes": func(r []events.Record) []events.Record { r[0].Job.Params = json.RawMessage(`{`); return r },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := submit(t, chain("a", "b", "c"))
			w.ok("a")
			w.fail("b", fault.Transient)
			w.fire("b")
			w.ok("b")
			if _, err := flow.Replay(w.plan, w.records); err != nil {
				t.Fatal(err)
			}
			_, err := flow.Replay(w.plan, tamper(w.records))
			if !fault.Has(err, fault.InternalBug) {
				t.Errorf("got error %v", err)
			}
		})
	}
}
