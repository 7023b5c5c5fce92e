// Package sweep stops a whole mill at every durable write of a story, starts it
// again, and looks whether anything was lost or done twice.
//
// The conductor and the stage host are the real ones, on a broker, an artifact
// store and a clock that are simulated, in one process and one step after the
// other, so that the n-th write of a story is the same one each time it is told
// with the same seed. At write n the process dies: before the write, or after it
// and before anybody hears of it. What the broker, the store and the world outside
// hold at that moment is all that the next process finds; in half of the runs
// the streams that live in the broker's memory are gone as well.
//
// After every restart each live job must have something due that is to be found
// in the broker. At the end the records of each job are gapless and replay to the
// same states, the job has ended as it does undisturbed and with the same files,
// no stage was run for an attempt that the job did not wait for, and nothing was
// done to the world outside twice, unless the job says that it cannot tell.
//
// The sweep is a test; -sweep.seed tells other stories and -sweep.twice adds a
// second crash to each.
//
// A second test makes up pipelines, faults of all classes, crashes, and people who
// cancel, pause, retry, skip, abandon and roll back, all at random: -sweep.random says
// how many, and -sweep.only shows one. What was taken back is as it was before, also
// after every task that was ever sent has come once more, to a worker that was cut off
// all the time; no budget is exceeded, and the attempts add up.
package sweep
