package stagetest_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
)

// breakVariable tells the test program, when it runs itself, which fault the
// stage under test has.
const breakVariable = "STAGETEST_BREAK"

// shelf is a stage that copies its files, and a world in which it leaves a note
// of each. Its fields are what can be wrong with it.
type shelf struct {
	broken string
	calls  int
	mu     sync.Mutex
	notes  map[string]string
}

type shelfConfig struct {
	Prefix string `json:"prefix"`
}

func (s *shelf) Spec() stage.Spec {
	s.calls++
	spec := stage.Spec{
		Name: "shelf", Version: 1, Logic: "1", Summary: "Copies.", Guarantee: "Repeatable.",
		Inputs: "Files.", Outputs: "Copies.", Findings: map[string]string{"files": "How many."},
		Faults: []string{string(fault.StageNoInput)},
		Config: json.RawMessage(`{"type":"object","additionalProperties":false,
			"properties":{"prefix":{"type":"string","description":"What names start with."}}}`),
	}
	switch {
	case s.broken == "spec":
		spec.Guarantee = ""
	case s.broken == "spec changes" && s.calls%2 == 0:
		spec.Logic = "2"
	case s.broken == "open schema":
		spec.Config = json.RawMessage(`{"type":"object","properties":{"prefix":{"description":"x"}}}`)
	case s.broken == "unexplained option":
		spec.Config = json.RawMessage(`{"additionalProperties":false,"properties":{"prefix":{}}}`)
	}
	return spec
}

func (s *shelf) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	var c shelfConfig
	if err := s.config(t, &c); err != nil {
		return stage.Result{}, err
	}
	if len(t.Files) == 0 && s.broken != "undeclared fault" {
		return stage.Result{}, fault.New(fault.StageNoInput, "", nil)
	}
	if len(t.Files) == 0 {
		return stage.Result{}, fault.New(fault.FetchIO, "", nil)
	}
	if s.broken == "deaf" {
		select {
		case <-ctx.Done():
			<-time.After(2 * time.Second)
		case <-time.After(500 * time.Millisecond):
		}
	}
	res := stage.Result{Findings: map[string]string{"files": "some"}}
	for _, f := range t.Files {
		made, err := s.copy(ctx, t, f, c.Prefix+f.Name)
		if err != nil {
			return stage.Result{}, err
		}
		res.Files = append(res.Files, made)
	}
	return s.spoil(t, res)
}

func (s *shelf) config(t *stage.Task, c *shelfConfig) error {
	if s.broken == "any config" && json.Unmarshal(t.RawConfig, c) != nil {
		return nil
	}
	return t.Config(c)
}

func (s *shelf) copy(ctx context.Context, t *stage.Task, f events.File, name string) (events.File, error) {
	r, err := t.Store.Open(ctx, f.Digest)
	if err != nil {
		return events.File{}, err
	}
	defer r.Close()
	if s.broken == "greedy" {
		data := make([]byte, r.Size())
		for i := range data {
			data[i] = 1
		}
		defer func() { s.note("", string(data[:0])) }()
	}
	made, err := t.Store.Put(ctx, r, &artifact.PutOptions{Name: name})
	if err != nil {
		return made, err
	}
	if s.broken == "comes after its undo" {
		s.note(t.Job+"/"+name, made.Digest)
		return made, nil
	}
	_, err = t.Repeat(ctx, name, func(context.Context, string) (string, error) {
		s.note(t.Job+"/"+name, made.Digest)
		return "", nil
	})
	return made, err
}

func (s *shelf) note(name, content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name != "" {
		s.notes[name] = content
	}
}

// effects returns a copy of the notes.
func (s *shelf) effects(*testing.T) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.notes)
}

// spoil does what the stage is told to do wrong with a good result.
func (s *shelf) spoil(t *stage.Task, res stage.Result) (stage.Result, error) {
	switch s.broken {
	case "not repeatable":
		res.Findings["files"] = time.Now().String()
	case "undeclared finding":
		res.Findings["secret"] = "x"
	case "bad result":
		res.Files[0].Name = "../x"
	case "forged size":
		res.Files[0].Size++
	case "changes its task":
		t.Files[0].Name = "changed"
	case "leaves a goroutine":
		go func() { <-time.After(time.Minute) }()
	}
	return res, nil
}

func (s *shelf) Compensate(_ context.Context, t *stage.Task, done stage.Result) error {
	switch {
	case s.broken == "undo forgets":
		return nil
	case s.broken == "undo needs the result":
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, f := range done.Files {
			delete(s.notes, t.Job+"/"+f.Name)
		}
		return nil
	case s.broken == "undo is surprised" && len(done.Files) == 0:
		return fault.New(fault.StageNoInput, "nothing was done", nil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.notes, func(name, _ string) bool { return strings.HasPrefix(name, t.Job+"/") })
	return nil
}

func kit(broken string) stagetest.Kit {
	s := &shelf{broken: broken, notes: map[string]string{}}
	k := stagetest.Kit{
		Stage: s, Grace: 500 * time.Millisecond, BadConfigs: []string{`{"prefix":1}`},
		Cases: []stagetest.Case{
			{Name: "two", Files: []stagetest.Content{{Name: "a", Data: []byte("x")}, {Name: "b", Size: 3 << 20}}},
			{Name: "none", Fault: fault.StageNoInput},
		},
		Large: func(f stagetest.Content) stagetest.Case {
			return stagetest.Case{Files: []stagetest.Content{f}, Config: `{"prefix":"copy of "}`}
		},
		MaxHeap: 16 << 20, Cancels: 3,
	}
	k.Effects = s.effects
	return k
}

// TestSound runs the kit on a stage that is as it should be, or, when the test
// program runs itself, on one that is not.
func TestSound(t *testing.T) { stagetest.Test(t, kit(os.Getenv(breakVariable))) }
