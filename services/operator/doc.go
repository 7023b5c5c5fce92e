// Package operator carries out bulk operations: one verb on many jobs or dead
// letters, at a rate, with a ceiling in flight, and with an end to it when what the
// jobs need breaks again.
//
// An operation is accepted with a filter, which is frozen at once: the ids of what it
// matches are stored in chunks before the operation exists, and what comes later is
// no part of it. Any operator may carry it out; one does, which holds the lease of
// the operation. It asks the machine itself what a command would do, writes down
// which items it is about to ask, asks them, and follows their records.
//
// An item counts as in flight until its job has taken the command and has come to
// rest again: it is final, in attention, or paused. A job that is tried again, or
// waits to be, keeps its place, for [Config.Settle] after it took the command at
// most. So the ceiling bounds the work that an operation sets loose, and not only the
// commands.
//
// What a kill in the middle costs:
//
//	before the operation    chunks that nobody reads; they go with their retention
//	before the intent       nothing: the item is pending
//	after the intent        whoever goes on finds the item "sent". It looks for the
//	                        command among those not yet taken, and for a record of the
//	                        job that names the operation; only when there is neither
//	                        is the command published, under the same message id
//	after the effect        the record names the operation: the item is done, and
//	                        whoever goes on follows its job until that rests
//	after a rerun           the job that it makes has an id made of the operation's
//	                        and the old job's: it is there or it is not, and asking
//	                        for it again makes no second one
//	after a redrive         the mark of the letter names the operation: it is done
//	without the lease       results are fenced by the revision of their chunk; who
//	                        has lost the lease can write none, and stops
//
// A process that is suspended between its look at the lease and the publishing of a
// command, for longer than the lease and the duplicate window of the stream together,
// may ask a job a second time; the job's state then decides.
package operator
