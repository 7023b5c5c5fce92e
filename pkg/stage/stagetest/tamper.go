package stagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
)

// chain is the records of a step, oldest first.
type chain []events.Checkpoint

// testTamper kills an attempt behind a save, changes what it has left, and lets
// the next one resume from that.
func (k *Kit) testTamper(t *testing.T, c Case) {
	r := k.rehearse(t, c)
	if r.saves == 0 {
		return // there is nothing to change
	}
	var saves []point
	for _, p := range r.calls {
		if p.verb == verbAppend && p.note == noteSave {
			p.after = true
			saves = append(saves, p)
		}
	}
	p := saves[min(len(saves)-1, 1+r.rnd.IntN(len(saves)))]
	where := r.where("died " + p.String())
	x := r.trial(t)
	x.next().dies(p).start().gone(t, where)
	left := x.records()
	if len(left) == 0 {
		return // it was done sooner this time
	}
	var last *incarnation
	for _, f := range r.older(left) {
		last = x.after(where+", "+f.what, f.log)
		r.judge(t, where+", "+f.what, last)
	}
	x.cleanUp(where, last.res)
	for n := range k.Crashes {
		what, log := r.rubbish(left, n)
		last = x.after(where+", "+what, log)
		r.trust(t, where+", "+what, last)
		if t.Failed() {
			return
		}
	}
	x.cleanUp(where, last.res)
}

// forgery is a log that was tampered with.
type forgery struct {
	what string
	log  [][]byte
}

// older are logs that a program of another version has left, or a bad disk.
func (r *rehearsal) older(left chain) []forgery {
	change := func(f func(*events.Checkpoint)) [][]byte {
		changed := append(chain(nil), left...)
		for i := range changed {
			f(&changed[i])
		}
		return changed.sealed()
	}
	cut := func(f func([]byte) []byte) [][]byte {
		log := left.sealed()
		log[len(log)-1] = f(log[len(log)-1])
		return log
	}
	return []forgery{
		{"with a state of an older version", change(func(c *events.Checkpoint) { c.Version-- })},
		{"with a state of a newer version", change(func(c *events.Checkpoint) { c.Version++ })},
		{"with the state of another logic", change(func(c *events.Checkpoint) { c.Logic += "-before" })},
		{"with the state of other inputs", change(func(c *events.Checkpoint) { c.Inputs += "0" })},
		{"with a bit changed in the newest record", cut(func(b []byte) []byte {
			b[r.rnd.IntN(len(b))] ^= 1 << r.rnd.IntN(8)
			return b
		})},
		{"with half of the newest record", cut(func(b []byte) []byte { return b[:len(b)/2] })},
		{"without the newest record", left.sealed()[:len(left)-1]},
	}
}

// after lets the next attempt work in the world as it is, with other records. One
// that fails for a reason that passes is followed by another, as in a mill.
func (x *trial) after(where string, log [][]byte) *incarnation {
	x.Helper()
	other, at := checkpoint.NewMemory(), uint64(0)
	for _, data := range log {
		var err error
		if at, err = other.Append(context.WithoutCancel(x.Context()), x.j.key(), at, data); err != nil {
			x.Fatal(err)
		}
	}
	w := x.w.split(x, other)
	for retries := 2; ; retries-- {
		i := x.j.incarnate(x.r.k, w).start()
		i.wait(x.T, where)
		if retries == 0 || x.r.c.Fault != "" || !passing(i.err) {
			return i
		}
	}
}

// trust checks what has become of an attempt that was lied to: the right result,
// or a fault.
func (r *rehearsal) trust(t *testing.T, where string, i *incarnation) {
	t.Helper()
	var f *fault.Error
	switch {
	case i.err == nil && i.res.Check() == nil: // otherwise the worker refuses the result
		r.judge(t, where, i)
	case i.err == nil:
	case fault.Has(i.err, fault.StagePanic):
		t.Errorf("%s: panics: %v", where, i.err)
	case !errors.As(i.err, &f):
		t.Errorf("%s: fails without a fault: %v", where, i.err)
	}
}

// records returns what an attempt has left.
func (x *trial) records() chain {
	x.Helper()
	kept, err := x.w.log.Kept(context.WithoutCancel(x.Context()), x.j.key())
	if err != nil {
		x.Fatal(err)
	}
	var out chain
	for _, e := range kept {
		var c events.Checkpoint
		if err := json.Unmarshal(e.Data, &c); err != nil {
			x.Fatal(err)
		}
		if !bytes.Equal(seal(c), e.Data) {
			x.Fatalf("the kit does not know how to write this record: %s", e.Data)
		}
		out = append(out, c)
	}
	return out
}

// sealed are the records as they are stored, each linked to the one before.
func (l chain) sealed() [][]byte {
	var out [][]byte
	for i, c := range l {
		if i > 0 {
			c.Previous = digest(out[i-1])
		}
		out = append(out, seal(c))
	}
	return out
}

// seal writes a record, with its own digest at the end.
func seal(c events.Checkpoint) []byte {
	c.Check = ""
	c.Check = digest(encode(c))
	return encode(c)
}

func encode(c events.Checkpoint) []byte {
	data, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprint("of what was read as JSON: ", err))
	}
	return data
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
