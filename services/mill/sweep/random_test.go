package sweep

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/stage"
)

var (
	randomFlag = flag.Int("sweep.random", 400, "how many random pipelines to run")
	onlyFlag   = flag.Int("sweep.only", -1, "the one random pipeline to run, and to show")
)

// tale is the run of a random pipeline, with faults, crashes and people at random.
type tale struct {
	*world
	r     *rand.Rand
	shelf *shelf
	// asked is how many commands were given, and limit how many are before people
	// only help the job to its end.
	asked, limit int
	// late says that everything comes once more.
	late bool
	// sent are all tasks that were ever put into the queue.
	sent map[string]*stored
}

// newTale returns tale n of a seed.
func newTale(t *testing.T, seed uint64, n int) *tale {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	source := randomPipeline(r)
	fates := map[int]fate{}
	for range r.IntN(4) {
		fates[1+r.IntN(120)] = diesBefore + fate(r.IntN(2))
	}
	w := newWorld(t, story{name: "random", pipeline: source}, r.Uint64(), r.IntN(2) == 0, fates)
	a := &tale{world: w, r: r, shelf: newShelf(), limit: r.IntN(10), sent: map[string]*stored{}}
	odds := &chance{seed: r.Uint64(), rate: []float64{0, 0.2, 0.4, 0.6}[r.IntN(4)]}
	w.cast = func() []stage.Stage {
		return []stage.Stage{
			&shelving{place{"place", w.link, a.shelf, odds, a.watch}},
			&place{"mail", w.link, a.shelf, odds, a.watch},
		}
	}
	w.between, w.idle = a.between, a.idle
	return a
}

// watch is that of the world, until everything comes once more.
func (a *tale) watch(t *stage.Task) {
	if !a.late {
		a.world.watch(t)
	}
}

// between notes what is in the queue, and lets a person ask for something.
func (a *tale) between() {
	for _, m := range a.broker.messages[events.StreamQueue] {
		if m.at.IsZero() {
			a.sent[m.Subject+" "+m.ID] = m
		}
	}
	if a.asked < a.limit && a.r.IntN(12) == 0 {
		a.asked++
		a.order(a.job(events.DefaultTenant, jobID), nil)
	}
}

// idle lets a person do something about a job that waits for one, or has ended.
// Sometimes a timer that reminds of it comes first.
func (a *tale) idle() bool {
	j := a.job(events.DefaultTenant, jobID)
	timer := !a.broker.fire().IsZero()
	switch {
	case flow.Final(j.State):
		return a.order(j, []events.Verb{events.VerbRollback})
	case j.State != events.JobAttention && j.State != events.JobPaused, timer && a.r.IntN(3) == 0:
		return false
	case a.asked < a.limit+40:
		a.asked++
		return a.order(j, nil)
	}
	return a.order(j, []events.Verb{events.VerbResume, events.VerbAbandon})
}

// order gives one of the commands that a job takes, of some verbs if there are any.
func (a *tale) order(j events.Job, verbs []events.Verb) bool {
	choices := flow.Allowed(a.def.Plan, j)
	choices = slices.DeleteFunc(choices, func(c events.Choice) bool {
		return !slices.Contains([]events.Verb{
			events.VerbCancel, events.VerbPause, events.VerbResume, events.VerbRetry, events.VerbSkip,
			events.VerbAbandon, events.VerbRollback,
		}, c.Verb) || verbs != nil && !slices.Contains(verbs, c.Verb)
	})
	if len(choices) == 0 {
		return false
	}
	c := choices[a.r.IntN(len(choices))]
	cmd := events.Command{Verb: c.Verb, Reason: "by chance"}
	if len(c.Steps) > 0 {
		cmd.Step = c.Steps[a.r.IntN(len(c.Steps))]
	}
	for _, need := range c.Needs {
		switch need {
		case flow.MemberForce:
			cmd.Force = true
		case flow.MemberEffect:
			cmd.Effect = a.truth(j, cmd.Step)
		case flow.MemberPlan:
			plan, err := flow.Rollback(a.def.Plan, j)
			a.checkTold(err)
			cmd.Plan, cmd.Irreversible = plan.Digest, true
		}
	}
	a.command(cmd)
	return true
}

// truth is what a person finds who looks whether a step had its effect.
func (a *tale) truth(j events.Job, step string) events.Settlement {
	for id := range j.Steps {
		if step != "" && step != id {
			continue
		}
		effect := events.EffectID(j.Tenant, j.ID, id, "place")
		for name := range a.shelf.things {
			if a.shelf.has(name, effect) {
				return events.SettleDone
			}
		}
		if a.shelf.mailed[effect] > 0 {
			return events.SettleDone
		}
	}
	return events.SettleNotDone
}

// TestRandom runs random pipelines, with faults, crashes and people at random. What is
// rolled back is as it was before, also when everything that was ever sent comes
// again; retries keep to their policy, and attempts add up.
func TestRandom(t *testing.T) {
	from, to := 0, *randomFlag/stride(5)
	if *onlyFlag >= 0 {
		from, to = *onlyFlag, *onlyFlag+1
	}
	ends := map[events.JobState]int{}
	for n := from; n < to; n++ {
		synctest.Test(t, func(t *testing.T) {
			a := newTale(t, *seedFlag, n)
			begins := a.shelf.contents()
			a.tell()
			a.judge()
			j := a.job(events.DefaultTenant, jobID)
			ends[j.State]++
			a.judgeAttempts()
			a.judgeWorld(j, begins, "at the end")
			a.again()
			a.judgeWorld(j, begins, "when everything comes again")
			a.broker.kill(nil)
			for _, wrong := range a.wrong {
				t.Errorf("-sweep.seed=%d -sweep.only=%d: %s", *seedFlag, n, wrong)
			}
			if *onlyFlag >= 0 {
				a.show()
			}
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("seed %d, %d pipelines: %v", *seedFlag, to-from, ends)
}

// show prints a tale.
func (a *tale) show() {
	a.t.Log(a.story.pipeline)
	for _, r := range a.history(events.DefaultTenant, jobID) {
		line := fmt.Sprintf("%d %s %s %d -> %s", r.Revision, r.Type, r.Step, r.Attempt, r.Job.State)
		if c := r.Input.Control; c != nil {
			line += fmt.Sprintf(" by %+v", *c)
		}
		if o := r.Input.Outcome; o != nil && o.Fault != nil {
			line += fmt.Sprintf(" undo %v %s %s %s", o.Undo, o.Fault.Class, o.Fault.Code, o.Fault.Message)
		}
		a.t.Log(line)
	}
	a.t.Log(a.shelf.contents())
	for i, what := range a.broker.said {
		a.t.Log(i+1, what, a.broker.fates[i+1])
	}
}

// judgeWorld wants a job that was taken back to have left nothing, and any other
// what its steps say, unless a person has given an undo up.
func (a *tale) judgeWorld(j events.Job, begins map[string]string, when string) {
	for _, st := range j.Steps {
		if st.Undo != nil && (st.Undo.State != events.UndoDone || st.Undo.Accepted != "") {
			return // a person has let it be
		}
	}
	undone := j.State == events.JobRolledBack || j.State == events.JobCancelled || j.State == events.JobFailed
	for id, st := range j.Steps {
		effect := events.EffectID(j.Tenant, j.ID, id, "place")
		for name := range a.shelf.things {
			kept := st.State == events.StepSucceeded && st.Undo == nil && !undone
			if has := a.shelf.has(name, effect); has && !kept {
				a.fail("%s, a job in state %s: step %s is %s, and what it did is there", when, j.State, id, st.State)
			}
		}
		if n := a.shelf.mailed[effect]; n > 1 {
			a.fail("%s, step %s has sent %d letters", when, id, n)
		}
	}
	if undone {
		got := a.shelf.contents()
		maps.DeleteFunc(got, func(_, pile string) bool { return pile == "" })
		if diff := cmp.Diff(begins, got); diff != "" {
			a.fail("%s, a job in state %s leaves (-before +now): %s", when, j.State, diff)
		}
	}
}
