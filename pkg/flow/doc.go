// Package flow decides what happens to a job: which step is due, when a failed
// attempt is tried again, when a person is asked, what is undone, and how the
// job ends.
//
// The package does no input or output, starts no goroutine and reads no clock:
// what it needs comes in as an argument and what it decides goes out as a value.
// Applying a job's inputs again, at the recorded times and with the recorded
// random numbers, therefore always gives the same job; see [Replay]. All
// functions may be called by several goroutines at once.
//
// The one door is [Apply]. Every state change in it is an edge of one of three
// machines, of the job, the step and the undo, which are tables; MACHINES.md is
// drawn from them.
//
// # Going forward
//
// A submission makes the job with all steps pending and the first ones queued.
// One input makes one transition, and one transition is one record, whatever it
// settles. A pending step is decided when all that it needs is settled:
//
//   - it is skipped as needs_failed when none of its needs gave a result, and
//     then counts as failed for the steps that need it;
//   - it is skipped as when_false when its condition is false; its inputs are
//     then its files, and that is a result;
//   - it fails when its condition or its configuration cannot be evaluated;
//   - else its first attempt is queued.
//
// Its inputs are the files of its needs in the order named; a need that failed
// contributes none. A step without needs works on those of the job's sources
// that are artifacts already.
//
// When every step is settled the job is completed, or partial when something
// failed. An output whose expression fails is missing: the job is partial,
// Missing holds "outputs.<name>", and the job's fault is
// pipeline.expression_failed.
//
// # When an attempt fails
//
// The class of the fault decides:
//
//   - transient, timeout, resource, conflict and cancelled: again within the
//     budget, then failed;
//   - rate_limited, dependency_down and the code stage.draining: again without
//     burning budget;
//   - unclassified, and a class that does not exist: again within the budget,
//     then attention;
//   - auth, unknown_effect and bug: attention;
//   - data_quality, schema_mismatch, policy and poison: failed.
//
// An operator's rule may say otherwise about single failures; see [events.Ruling].
// [Policies] returns the table.
//
// The job is waiting while only timers run, and in attention when only a person
// can move it. [events.VerbRetry] gives all steps in attention a fresh budget;
// [events.VerbAbandon] fails them. Both are also taken while other steps go on.
//
// # Limits on time
//
// A step may have a limit on all of its attempts and waits together, and a job a
// deadline. Both run on while a job is paused or in attention. A worker keeps them
// for the attempt that it has; a timer of the job does a little later, because
// there may be no worker. A step whose time is over has failed, and a job that is
// late ends like one of which a critical step has failed. Neither awaits an open
// attempt: its answer is stale.
//
// # Ending early
//
// When a critical step fails, or someone cancels, every step without an open
// attempt is cancelled, and open attempts are awaited: their results count, but
// nothing is tried again and nothing new starts. Until then a failed job stays
// running, with Goal saying where it leads. Then the steps that succeeded and
// can be undone are undone one at a time, last success first, and the job ends
// rolled_back or cancelled; a failed job with nothing to undo ends failed.
//
// By the rules since version 2 a step that failed or was stopped after it had an
// attempt is undone as well, with nothing as its result: the attempt may have had
// effects. When the job goes on without the step, that happens at once.
//
// A failed undo is tried again in a budget of its own, whatever its class; then
// it is in attention and the job with it. One with unknown_effect is so at once:
// another try could not tell either. Retry gives it a fresh budget; abandon
// gives it up, and the job ends failed with the undo's fault and without touching
// the steps before it. [events.VerbAccept] takes it for done, with a reason.
//
// A job that is completed or partial can be rolled back: [Rollback] says what that
// would do, and [events.VerbRollback] names the digest of that plan.
//
// # What a person can do besides
//
// [events.VerbPause] lets open attempts end and begins nothing new, not even what
// a timer would; [events.VerbResume] goes on. [events.VerbSkip] goes on without a
// step that is in attention or retrying, whose inputs are then its files.
//
// # Running a job again
//
// A rerun is a job of its own that names the one before. It takes the result of a
// step over, when the step's turn comes, if its stage, its configuration and its
// inputs are what they were, if what it did was not taken back, and unless it is the
// step from which to run again or depends on it. [TakeOver] makes what the submission
// brings for that, so that a history needs no other; [PlanRerun] says what would come
// of it. What a reused step did outside stays with the job that did it: a rerun never
// undoes it.
//
// [Allowed] lists the commands that a job takes as it is, and what each needs to be
// told; it asks the machine. [Explain] says why everything stands where it stands, and
// what moves it.
package flow
