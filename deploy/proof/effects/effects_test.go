package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/millrace/millrace/pkg/checkpoint"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		os.Exit(child(text))
	}
	os.Exit(m.Run())
}

// TestEffects is the proof with few effects. Every crash point comes up.
func TestEffects(t *testing.T) {
	t.Parallel()
	f, err := prove(t.Context(), options{n: 96, kill: 16, workers: 16, seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	f.print(&out)
	t.Log(out.String())
	if len(f.violations) > 0 {
		t.Error(f.violations)
	}
	if len(f.points) != int(points) || len(f.modes) != int(modes) || f.all.effects != 96 || f.all.real != 16 {
		t.Errorf("of %d effects %d by processes, %d points, %d modes", f.all.effects, f.all.real, len(f.points), len(f.modes))
	}
	if f.all.once == 0 || f.all.unknownMade == 0 || f.all.unknownNot == 0 || f.all.overtaken == 0 {
		t.Errorf("something never happened: %+v", f.all)
	}
}

// careless is a ledger that takes every record, whatever was written before.
type careless struct{ *checkpoint.Memory }

// Append takes it.
func (c careless) Append(_ context.Context, k checkpoint.Key, _ uint64, data []byte) (uint64, error) {
	return c.Put(k, data), nil
}

// forgetful is a ledger that loses intents.
type forgetful struct{ *checkpoint.Memory }

// Append loses every record but a receipt.
func (l forgetful) Append(_ context.Context, k checkpoint.Key, _ uint64, data []byte) (uint64, error) {
	if strings.Contains(string(data), `"state":"intended"`) {
		return 1, nil
	}
	return l.Put(k, data), nil
}

// TestBrokenLedger shows that the proof would notice.
func TestBrokenLedger(t *testing.T) {
	t.Parallel()
	for _, log := range []checkpoint.Log{careless{checkpoint.NewMemory()}, forgetful{checkpoint.NewMemory()}} {
		t.Run(fmt.Sprintf("%T", log), func(t *testing.T) {
			t.Parallel()
			f, err := prove(t.Context(), options{n: 96, workers: 16, seed: 7, log: log})
			if err != nil {
				t.Fatal(err)
			}
			if f.all.more == 0 || len(f.violations) == 0 {
				t.Errorf("nothing is wrong: %+v", f.all)
			}
			for _, v := range f.violations {
				if strings.Contains(v, "more than once and nobody said so") {
					return
				}
			}
			t.Errorf("no silent repetition among %v", f.violations)
		})
	}
}

// TestPlans gives the same plans for the same seed, and every kind of them.
func TestPlans(t *testing.T) {
	t.Parallel()
	o := options{n: 1000, kill: 50, seed: 3}
	a, b := plans(o), plans(o)
	count := map[string]int{}
	for i, p := range a {
		if p != b[i] {
			t.Fatalf("%v and %v", p, b[i])
		}
		count[fmt.Sprint(p.Mode, p.Point, p.Zombie)]++
		count[fmt.Sprint("real ", p.Real)]++
	}
	if len(count) != int(modes)*int(points)*2+2 || count["real true"] != 50 {
		t.Errorf("%d kinds, %v", len(count), count)
	}
}
