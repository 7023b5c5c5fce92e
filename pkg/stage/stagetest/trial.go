package stagetest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/stage"
)

// trial is one job with the task of a rehearsal, in a world of its own.
type trial struct {
	*testing.T
	r *rehearsal
	j *Job
	w *world
	// before is what the stage had done outside when the job began.
	before map[string]string
}

// trial makes another job.
func (r *rehearsal) trial(t *testing.T) *trial {
	t.Helper()
	r.jobs++
	id := events.JobID(fmt.Sprint("stagetest ", r.k.Seed), fmt.Sprint(t.Name(), " ", r.jobs))
	x := &trial{T: t, r: r, j: jobWith(t, r.c, r.files, id).of(r.k.Stage.Spec()), w: newWorld(t, r.disk, r.chunk)}
	x.j.chain.Bytes = r.bytes
	if r.c.Prepare != nil {
		first := x.next()
		r.c.Prepare(t, first.task)
		first.close()
		x.j.attempts, x.j.processes = 0, 0
		x.j.task.Files, x.j.task.Sources, x.j.task.RawConfig = first.task.Files, first.task.Sources, first.task.RawConfig
	}
	x.before = r.k.effectsNow(t)
	return x
}

// next is the next process that works on the job.
func (x *trial) next() *incarnation { return x.j.incarnate(x.r.k, x.w) }

// redeliver decides whether a further process gets the same attempt again, as when
// a worker dies, or the next one, as when it answers last. It says so if it is the
// same.
func (x *trial) redeliver(again bool) string {
	if x.j.redelivered = again; again {
		return ", delivered again"
	}
	return ""
}

// settled is the attempt after a person has said what is true of an effect.
func (x *trial) settled(word events.Settlement) *incarnation {
	x.j.chain.Settle, x.j.redelivered = word, false
	defer func() { x.j.chain.Settle = "" }()
	return x.next()
}

// effects is what the job has changed outside.
func (x *trial) effects() map[string]string {
	x.Helper()
	return changes(x.before, x.r.k.effectsNow(x.T), x.j.task.Job)
}

// sameEffects checks that the job has changed as much outside as it does
// undisturbed.
func (x *trial) sameEffects(where string) {
	x.Helper()
	if diff := cmp.Diff(x.r.effects, x.effects()); diff != "" {
		x.Errorf("%s: other effects (-undisturbed +this): %s", where, diff)
	}
}

// cleanUp takes back what the job did, if the stage can, and checks that nothing
// is left of it. A step that has failed is not undone.
func (x *trial) cleanUp(where string, done stage.Result) {
	x.Helper()
	if _, ok := x.r.k.Stage.(stage.Compensator); !ok || x.r.c.Fault != "" {
		return
	}
	if err := x.takeBack(done, nil); err != nil {
		x.Errorf("%s: undo: %v", where, err)
	}
	if diff := cmp.Diff(x.before, x.r.k.effectsNow(x.T)); diff != "" {
		x.Errorf("%s: undo leaves: %s", where, diff)
	}
}

// takeBack closes the checkpoints and calls the stage's undo, as a worker does; cut
// ends the context before the stage begins.
func (x *trial) takeBack(done stage.Result, cut error) error {
	x.j.chain.Undo = true
	defer func() { x.j.chain.Undo = false }()
	i := x.next()
	defer i.close()
	if _, err := i.task.Checkpoints.Bury(i.ctx); err != nil {
		return err
	}
	if cut != nil {
		i.end(cut)
	}
	return x.r.k.Stage.(stage.Compensator).Compensate(i.ctx, i.task, done)
}

// effectsNow is what the stage has done outside so far.
func (k *Kit) effectsNow(t *testing.T) map[string]string {
	t.Helper()
	if k.Effects == nil {
		return nil
	}
	return maps.Clone(k.Effects(t))
}

// ids are what names may have in them that is another for each job.
var ids = regexp.MustCompile(`[0-9a-f]{16,}|[0-9a-z]{26}`)

// changes is what is different now, by names that are the same for each job.
func changes(before, now map[string]string, job string) map[string]string {
	out := map[string]string{}
	note := func(name, content string) {
		name = ids.ReplaceAllString(strings.ReplaceAll(name, job, "(job)"), "(id)")
		for _, taken := out[name]; taken; _, taken = out[name] {
			name += "+" // another with that name
		}
		out[name] = strings.ReplaceAll(content, job, "(job)")
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if was, ok := before[name]; !ok || was != now[name] {
			note(name, now[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := now[name]; !ok {
			note(name, "(gone)")
		}
	}
	return out
}
