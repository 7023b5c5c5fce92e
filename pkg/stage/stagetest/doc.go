// Package stagetest is the kit that every stage must pass.
//
// It runs a stage the way the mill does when things go wrong, and checks what
// package stage promises to the rest of Millrace. A test of a stage is one call of
// [Test] with the tasks to try:
//
//	func TestKit(t *testing.T) {
//		stagetest.Test(t, stagetest.Kit{
//			Stage: reverse.New(),
//			Cases: []stagetest.Case{{
//				Name:  "two files",
//				Files: []stagetest.Content{{Name: "a.txt", Data: []byte("abc")}, {Name: "big", Size: 9 << 20}},
//				Check: func(t *testing.T, task *stage.Task, r stage.Result) { … },
//			}},
//			Large:   func(f stagetest.Content) stagetest.Case { return stagetest.Case{Files: []stagetest.Content{f}} },
//			Resumes: true,
//		})
//	}
//
// [NewTask] and [NewJob] make tasks for tests of one's own. A stage in a module of
// its own, with such a test, is in deploy/examples/stage.
//
// # What is promised, and where it is tested
//
//   - Spec: the description is complete, and the same every time; every option is
//     explained.
//   - Repeat: the same task gives the same result. Results keep to their limits;
//     findings and faults are declared; the task is not changed.
//   - Cancel: an attempt that is told to stop returns within its grace, at any
//     byte, also when it had been resumed. The attempt after it gives the result.
//   - Crash: an attempt that is killed between any two calls to the store and to
//     the log of checkpoints costs nothing but time: the next one, or the same one
//     delivered again, gives the same files, the same findings, and the same
//     effects outside. So does one after two crashes. An effect that nobody can
//     tell of is the fault effect.unknown, for stages that declare it, and is gone
//     on with once a person has looked.
//   - Zombie: an attempt that stalls, and wakes when another has done its work,
//     fails with checkpoint.overtaken or gives the same result. It damages nothing
//     of what the other one has made.
//   - Tamper: places that were saved by an older or newer version, by other logic
//     or for other inputs, that are damaged or lost, change no result. Neither
//     does a state of the right version that makes no sense: the stage notices, and
//     fails with a fault rather than with a panic or a wrong result.
//   - Together: several jobs at once do not disturb each other.
//   - BadConfig: what does not match the schema is refused as such.
//   - Undo: an undo leaves the world as it was, however often it is called, after
//     an attempt that was cut off or killed, and when there is nothing to undo. An
//     attempt that comes after it fails with job.cancelled and does nothing.
//   - Resume: a stage that resumes saves places on a large file, and reads no more
//     of its inputs again after a crash than Kit.Unit and the interval of the
//     checkpoints.
//   - Memory: memory does not grow with the size of the files, with checkpoints.
//
// And nothing goes on running when all is done, and no reader or writer of the
// store is left open. A stage that does not call Resume is held to all of this
// too: it begins anew after a crash.
//
// # How the world ends
//
// A process that is killed makes no further call: each one fails, its context ends
// without a cause, and Run is left to return. What was stored and recorded until
// then is what the next process finds. Calls go through one at a time, so that a
// process dies between two of them. A place to die is named by the call:
// "before append 3 (save)", or "after append 3 (save), answer lost" when the call
// was made but the process never knew. An append is a record of checkpoints or
// effects; other calls are those of the driver: create, write, commit, read,
// stat, delete, list. "after the last call, result lost" is a process that died
// with its result.
//
// The kit saves a place for about every eighth of what a case moves, and stores
// content in small chunks, so that a case of some hundred KiB is enough.
//
// # How to read a failure
//
// A complaint begins with what is needed to see it again:
//
//	seed 42, case "two files", died after append 3 (save), answer lost: another result (-undisturbed +this): …
//
// Set Kit.Seed to 42 and run the test that failed, such as
// -run 'TestKit/Crash/two_files'. What it most often means:
//
//   - another result, shorter: the state says that more was done than is in the
//     output. Offer after writing; use checkpoint.Run.Output and not
//     artifact.Store.Create for what is resumed, under a name that is the same in
//     every attempt.
//   - another result, longer: the output has more than the state says. Bring the
//     state up to date before Offer, and write nothing between the two.
//   - another result with a state that makes no sense: hold the state against
//     checkpoint.Run.Done and artifact.Writer.Size before going on.
//   - other effects: a call outside that is not made through stage.Task.Effect, or
//     whose verify says that it was not made although it was.
//   - it is done all the same: an attempt that was late does not ask before it
//     changes something outside. Do it within stage.Task.Effect or Repeat.
//   - bytes are read again: the inputs are not opened where the state says, or
//     Offer is called too rarely. For work in large pieces, say so in Kit.Unit.
//   - no place was saved: Offer is not called, or not with the bytes that are done.
//   - the attempt hangs, or is still running: something waits without looking at
//     the context.
package stagetest
