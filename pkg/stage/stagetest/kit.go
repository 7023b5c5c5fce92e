package stagetest

import (
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// Kit is what there is to know about a stage in order to test it. Stage and at
// least one case that succeeds are required.
type Kit struct {
	// Stage is the stage under test.
	Stage stage.Stage
	// Cases are the tasks to try.
	Cases []Case
	// BadConfigs are configurations that must be refused, besides those that
	// no stage may accept.
	BadConfigs []string
	// Large returns a case that works on the given file, which is larger than
	// MaxHeap, or at least than several of Unit. Nil means that the size of files
	// does not matter to the stage.
	Large func(file Content) Case
	// MaxHeap is how much the heap may grow then, in bytes. Zero means 64 MiB.
	MaxHeap int64
	// Effects returns what the stage has done outside its result: names of
	// things with something that stands for their content. Both may have the id of
	// the job in them; names may also have hexadecimal numbers that are others for
	// each job. It is required of a stage with an undo.
	Effects func(t *testing.T) map[string]string
	// Grace is how long a run that is told to stop may take. Zero means 3 seconds.
	Grace time.Duration
	// Cancels is how often each case is interrupted. Zero means 5 times. It is at
	// most twice when tests are to be short.
	Cancels int
	// Crashes is at how many places attempts at each case are killed at most.
	// Zero means 24, or 5 when tests are to be short.
	Crashes int
	// Resumes says that the stage saves places to resume from; see
	// stage.Task.Resume. It must then save some in the case that Large returns. A
	// stage that saves any resumes as well, whether it says so or not.
	Resumes bool
	// Unit is how much such a stage does again at most after a crash, besides what
	// checkpoints cost anyway: its largest piece of work that cannot be divided,
	// with what it reads ahead, in bytes of its inputs. Zero means 8 MiB.
	Unit int64
	// Seed chooses where. Zero means a seed that is printed when a test fails.
	Seed uint64

	// patience is how long an attempt may take before it counts as hanging.
	patience time.Duration
}

// Case is one task.
type Case struct {
	// Name names the subtest.
	Name string
	// Files are the inputs. They are put into the store first.
	Files []Content
	// Sources are for stages that fetch.
	Sources []events.Source
	// Config is the configuration as JSON. Empty means none.
	Config string
	// Fault is the code that the stage must fail with. Empty means that it
	// must succeed.
	Fault fault.Code
	// Prepare is called before every run of the case, but not between a run that
	// was stopped and what resumes it. It may change the inputs of the task. Nil
	// means that there is nothing to prepare.
	Prepare func(t *testing.T, task *stage.Task)
	// Check looks at the result of a run that succeeded. Nil means that only
	// what holds for all stages is checked.
	Check func(t *testing.T, task *stage.Task, r stage.Result)
}

// Test runs the whole kit. It is not to be run beside other tests, because it
// looks at the heap and at the goroutines of the process.
func Test(t *testing.T, k Kit) {
	k.setDefaults()
	before := goleak.IgnoreCurrent()
	t.Run("Spec", k.testSpec)
	for _, c := range k.Cases {
		t.Run("Repeat/"+c.Name, func(t *testing.T) { k.testRepeat(t, c) })
		t.Run("Cancel/"+c.Name, func(t *testing.T) { k.testCancel(t, c) })
		t.Run("Crash/"+c.Name, func(t *testing.T) { k.testCrash(t, c) })
		if c.Fault == "" {
			t.Run("Zombie/"+c.Name, func(t *testing.T) { k.testZombie(t, c) })
			t.Run("Tamper/"+c.Name, func(t *testing.T) { k.testTamper(t, c) })
		}
	}
	t.Run("Together", k.testTogether)
	t.Run("BadConfig", k.testBadConfig)
	if _, ok := k.Stage.(stage.Compensator); ok {
		t.Run("Undo", k.testUndo)
	}
	if k.Large != nil {
		t.Run("Resume", k.testResume)
		t.Run("Memory", k.testMemory)
	}
	if c, ok := k.Stage.(io.Closer); ok {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if err := goleak.Find(before); err != nil {
		t.Errorf("something goes on running: %v", err)
	}
}

func (k *Kit) setDefaults() {
	if k.Grace <= 0 {
		k.Grace = 3 * time.Second
	}
	if k.MaxHeap <= 0 {
		k.MaxHeap = 64 << 20
	}
	if k.Cancels <= 0 {
		k.Cancels = 5
	}
	if testing.Short() {
		k.Cancels = min(k.Cancels, 2)
	}
	if k.Crashes <= 0 {
		k.Crashes = 24
		if testing.Short() {
			k.Crashes = 5
		}
	}
	if k.Seed == 0 {
		k.Seed = rand.Uint64()
	}
	if k.patience <= 0 {
		k.patience = time.Minute
	}
}

// good returns the cases that succeed.
func (k *Kit) good(t *testing.T) []Case {
	var out []Case
	for _, c := range k.Cases {
		if c.Fault == "" {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		t.Fatal("the kit has no case that succeeds")
	}
	return out
}
