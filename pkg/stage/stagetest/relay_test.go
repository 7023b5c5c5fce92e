package stagetest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
)

// relay is a stage that resumes: it writes its files in capitals. broken is what
// is wrong with it.
type relay struct {
	broken string

	mu   sync.Mutex
	seen map[string]relayed // by job; for what a stage must not do
}

// relayed is where a relay is.
type relayed struct {
	Made []events.File
	Read int64
}

const relayPiece = 64 << 10

func (r *relay) Spec() stage.Spec {
	return stage.Spec{
		Name: "relay", Version: 1, Logic: "1", Summary: "Capitals.", Guarantee: "Goes on where it was.",
		Inputs: "Files.", Outputs: "The same in capitals.", Findings: map[string]string{"bytes": "How many."},
		Faults: []string{string(fault.StageNoInput), string(fault.ArtifactBadState)},
	}
}

// relaying is one attempt.
type relaying struct {
	*relay
	t     *stage.Task
	run   *checkpoint.Run
	at    relayed
	total int64
}

func (r *relay) Run(ctx context.Context, t *stage.Task) (res stage.Result, err error) {
	if err := t.Config(&struct{}{}); err != nil {
		return res, err
	}
	if _, err := t.Inputs(); err != nil {
		return res, err
	}
	a := &relaying{relay: r, t: t, total: stage.Size(t.Files)}
	if a.run, err = t.Resume(ctx, 1, &a.at); err != nil {
		return res, err
	}
	resumed := a.at
	if err := a.check(); err != nil {
		return res, err
	}
	a.begin(ctx)
	for i := len(a.at.Made); i < len(t.Files); i++ {
		if err := a.copy(ctx, i, t.Files[i]); err != nil {
			return res, a.fail(ctx, err)
		}
	}
	res = stage.Result{Files: a.at.Made, Findings: map[string]string{"bytes": strconv.FormatInt(a.total, 10)}}
	if r.broken == "tells that it resumed" && resumed.Read > 0 {
		res.Findings["bytes"] += " and resumed"
	}
	return res, nil
}

// check holds what the state says against what else is known.
func (a *relaying) check() error {
	switch a.broken {
	case "trusts its state":
		return nil
	case "trips over its state":
		for i := range a.at.Made {
			_ = a.t.Files[i].Size == a.at.Made[i].Size/(a.at.Made[i].Size-a.t.Files[i].Size+1)
		}
		if a.at.Read < 0 {
			panic("impossible")
		}
	}
	if len(a.at.Made) > len(a.t.Files) {
		return fault.New(fault.ArtifactBadState, "more files than there are", nil)
	}
	for i, f := range a.at.Made {
		if artifact.CheckDigest(f.Digest) != nil || f.Size != a.t.Files[i].Size || f.Name != a.t.Files[i].Name {
			return fault.New(fault.ArtifactBadState, "another file "+f.Name, nil)
		}
	}
	if a.done() != a.run.Done() {
		return fault.New(fault.ArtifactBadState, "another place", nil)
	}
	return nil
}

// done is how far the work is.
func (a *relaying) done() int64 { return stage.Size(a.t.Files[:len(a.at.Made)]) + a.at.Read }

// begin does what stages must not do at the start.
func (a *relaying) begin(ctx context.Context) {
	switch {
	case a.broken == "forgets its place":
		a.at = relayed{}
	case a.broken == "remembers in the process" && a.t.Attempt > 1:
		a.mu.Lock()
		a.at = a.seen[a.t.Job]
		a.mu.Unlock()
	case a.broken == "hangs when it resumes" && a.at.Read > 0:
		<-ctx.Done()
	}
}

func (a *relaying) copy(ctx context.Context, i int, f events.File) error {
	key := strconv.Itoa(i)
	if a.broken == "unstable names" {
		key += strconv.Itoa(a.t.Attempt)
	}
	out, err := a.run.Output(ctx, key, &artifact.PutOptions{Name: f.Name})
	if err != nil {
		return err
	}
	if a.broken == "splices" {
		out.Abort()
		out = a.t.Store.Create(ctx, &artifact.PutOptions{Name: f.Name})
	}
	defer out.Abort()
	in, err := a.open(ctx, f)
	if err != nil {
		return err
	}
	defer in.Close()
	if a.broken == "leaves an output open" {
		return write(a.t.Store.Create(ctx, nil), make([]byte, 1<<20))
	}
	if err := a.pieces(ctx, in, out); err != nil {
		return err
	}
	made, err := out.Commit()
	if err == nil {
		a.at.Made, a.at.Read = append(a.at.Made, made), 0
	}
	return err
}

func (a *relaying) open(ctx context.Context, f events.File) (io.ReadCloser, error) {
	if a.broken != "reads all again" {
		return a.t.Store.OpenRange(ctx, f.Digest, a.at.Read, -1)
	}
	in, err := a.t.Store.OpenRange(ctx, f.Digest, 0, -1)
	if err == nil {
		_, err = io.CopyN(io.Discard, in, a.at.Read)
	}
	return in, err
}

func (a *relaying) pieces(ctx context.Context, in io.Reader, out *artifact.Writer) error {
	piece := make([]byte, relayPiece)
	for {
		n, err := io.ReadFull(in, piece)
		if n == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		text := upper(piece[:n])
		switch a.broken {
		case "offers before writing":
			a.at.Read += int64(n)
			err = errors.Join(a.offer(ctx), write(out, text))
		case "writes after offering":
			err = errors.Join(write(out, text), a.offer(ctx))
			a.at.Read += int64(n)
		default:
			err = write(out, text)
			a.at.Read += int64(n)
			if err == nil {
				err = a.offer(ctx)
			}
		}
		if err != nil {
			return err
		}
	}
}

// upper turns the letters of ASCII into capitals and leaves other bytes alone.
func upper(p []byte) []byte {
	out := bytes.Clone(p)
	for i, c := range out {
		if c >= 'a' && c <= 'z' {
			out[i] = c - 'a' + 'A'
		}
	}
	return out
}

func write(w io.Writer, p []byte) error {
	_, err := w.Write(p)
	return err
}

func (a *relaying) offer(ctx context.Context) error {
	if a.broken == "never offers" {
		return nil
	}
	if a.broken == "remembers in the process" {
		a.mu.Lock()
		a.seen[a.t.Job] = relayed{slices.Clone(a.at.Made), a.at.Read}
		a.mu.Unlock()
	}
	return a.run.Offer(ctx, a.done(), a.total)
}

// fail is what a stage must not do when it fails, besides returning the fault.
func (a *relaying) fail(ctx context.Context, err error) error {
	switch {
	case a.broken == "leaves a goroutine when killed":
		go func() { <-time.After(time.Minute) }()
	case a.broken == "is deaf when killed" && ctx.Err() != nil:
		<-time.After(2 * time.Second)
	case a.broken == "hides that it was overtaken" && fault.Has(err, fault.CheckpointOvertaken):
		return fault.New(fault.ArtifactIO, "", nil)
	case a.broken == "takes its outputs away":
		for _, f := range a.at.Made {
			err = errors.Join(err, a.t.Store.Delete(context.WithoutCancel(ctx), f.Digest))
		}
	}
	return err
}

func relayKit(broken string) stagetest.Kit {
	r := &relay{broken: broken, seen: map[string]relayed{}}
	k := stagetest.Kit{
		Stage: r, Grace: 500 * time.Millisecond, Resumes: true, Unit: 2 << 20, MaxHeap: 24 << 20, Cancels: 3,
		Cases: []stagetest.Case{
			{Name: "three", Files: []stagetest.Content{
				{Name: "a", Data: []byte("x")}, {Name: "b", Size: 700 << 10}, {Name: "c", Size: 1<<20 + 7},
			}, Check: capitals},
			{Name: "none", Fault: fault.StageNoInput},
		},
		Large: func(f stagetest.Content) stagetest.Case { return stagetest.Case{Files: []stagetest.Content{f}} },
	}
	k.Hasty(20 * time.Second)
	if broken == "hangs when it resumes" {
		k.Hasty(2 * time.Second)
	}
	return k
}

func capitals(t *testing.T, task *stage.Task, r stage.Result) {
	for i, f := range r.Files {
		if want := upper(stagetest.Read(t, task, task.Files[i])); !bytes.Equal(stagetest.Read(t, task, f), want) {
			t.Errorf("%s is not in capitals", f.Name)
		}
	}
}

// TestRelay runs the kit on a stage that resumes as it should, or, when the test
// program runs itself, on one that does not.
func TestRelay(t *testing.T) { stagetest.Test(t, relayKit(os.Getenv(breakVariable))) }

// courier is a stage with effects: it delivers each file to another side.
type courier struct {
	broken string

	mu    sync.Mutex
	calls map[string]int // by job and file
	ids   map[string]bool
}

func (c *courier) Spec() stage.Spec {
	s := stage.Spec{
		Name: "courier", Version: 1, Logic: "1", Summary: "Delivers.", Guarantee: "At most one call each.",
		Inputs: "Files.", Outputs: "The same.",
		Faults: []string{string(fault.StageNoInput), string(fault.EffectUnknown)},
	}
	if c.broken == "undeclared doubt" {
		s.Faults = s.Faults[:1]
	}
	return s
}

func (c *courier) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	if err := t.Config(&struct{}{}); err != nil {
		return stage.Result{}, err
	}
	files, err := t.Inputs()
	if err != nil {
		return stage.Result{}, err
	}
	for _, f := range files {
		if err := c.deliver(ctx, t, f); err != nil {
			return stage.Result{}, err
		}
	}
	return stage.Result{Files: files}, nil
}

func (c *courier) deliver(ctx context.Context, t *stage.Task, f events.File) error {
	call := func(_ context.Context, id string) (string, error) { return c.call(t.Job+"/"+f.Name, id), nil }
	if _, err := t.Store.Stat(ctx, f.Digest); err != nil {
		return err
	}
	verify := func(_ context.Context, id string) (string, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.broken == "verifies nothing" || !c.ids[id] {
			return "", checkpoint.ErrAbsent
		}
		return "thanks", nil
	}
	switch c.broken {
	case "no effect", "no effect of a zombie":
		_, err := call(ctx, "")
		return err
	case "nothing to verify with", "undeclared doubt":
		verify = nil
	}
	key := f.Name
	if c.broken == "unstable keys" {
		key += strconv.Itoa(t.Attempt)
	}
	_, err := t.Effect(ctx, key, call, verify)
	return err
}

// call is the other side. It knows an id again, unless it is one that does not.
func (c *courier) call(name, id string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	forgetful := c.broken != "" && c.broken != "nothing to verify with"
	if !c.ids[id] || forgetful {
		c.calls[name]++
	}
	c.ids[id] = true
	return "thanks"
}

func (c *courier) effects(*testing.T) map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]string{}
	for name, n := range maps.All(c.calls) {
		out[name] = fmt.Sprint("delivered ", n, " times")
	}
	return out
}

func courierKit(broken string) stagetest.Kit {
	c := &courier{broken: broken, calls: map[string]int{}, ids: map[string]bool{}}
	return stagetest.Kit{
		Stage: c, Effects: c.effects, Grace: 500 * time.Millisecond,
		Cases: []stagetest.Case{{Name: "two", Files: []stagetest.Content{{Name: "a", Data: []byte("x")}, {Name: "b", Size: 99}}}},
	}
}

// TestCourier runs the kit on stages whose effects are as they should be, or not.
func TestCourier(t *testing.T) { stagetest.Test(t, courierKit(os.Getenv(breakVariable))) }

// TestDoubtfulCourier runs the kit on a stage that cannot find out what it did.
func TestDoubtfulCourier(t *testing.T) { stagetest.Test(t, courierKit("nothing to verify with")) }
