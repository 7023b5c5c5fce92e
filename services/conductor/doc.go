// Package conductor decides what happens next to a job. It consumes submissions,
// outcomes, timers and commands, applies each to the job's state with the pure
// function [flow.Apply], commits the result as one fenced record, publishes what
// the record makes due, and acknowledges. Any number of conductors may run; the
// fence lets only one of them move a job.
//
// # Crash table
//
// A process that is killed leaves its input unacknowledged, and the broker hands
// it to another conductor. What that one finds, and does:
//
//	killed after              | found                                 | done
//	--------------------------|---------------------------------------|------------------------------------------
//	1 input delivered         | the old record                        | applied as if for the first time
//	2 record committed        | the record holds the input            | nothing new to commit; everything that is
//	                          |                                       | outstanding is published again
//	3 due work published      | the same, the work is in the queue    | the same; message ids absorb the copies, and
//	                          |                                       | what slips through answers for a stale attempt
//	4 input acknowledged      | nothing                               | nothing
//	4a acknowledgement lost   | as 3                                  | as 3
//	5 record sent, no answer  | the last record has our transaction   | taken as committed by the bus, which
//	  (cut connection)        | id, or it has not                     | looks; at the latest as 2, or as 1
//	6 another conductor was   | the fence refuses the commit          | the newest record is read, the input applied
//	  faster                  |                                       | to it
//	7 the queue, the outcomes | a live record whose work, timer or    | the reconciler publishes it again under an id
//	  or timers are gone      | answer is nowhere                     | of its own
//	7a the broker kept an     | work in the queue, at or below what   | the same, after removing what will never be
//	  ack and not a deletion  | its consumer takes for acknowledged   | delivered
//
// Each row is a test of this package. Two rules make the table short. A record
// is a single message, so none is ever torn. And "this input changes nothing" is
// only believed of a state that was read after the input came in: a cached
// state may be older than the work that the input answers.
//
// # Reruns
//
// A rerun is a submission that names a job that has ended. What of that job is to be
// taken over is read before the rerun is accepted and goes into its first record, so
// that the decisions about it need nothing else, now and when they are replayed. A
// request that is repeated gets the job that its key made, whatever has become of the
// job before meanwhile.
//
// # Rules of operators
//
// Before a failed attempt is applied, the rules are asked about it, and what one says
// goes into the record beside the outcome. After a crash they are asked again, and
// may say something else by then; whoever commits decides. The places in time that a
// rule with a rate gives away are in the memory of one conductor: n conductors make
// up to n times as many attempts due, and one that was restarted begins anew. A place
// whose commit failed stays empty.
//
// Receipts and the cancel signal are core NATS messages and may be lost; both
// can be asked for again, by repeating the submission or reading the record.
package conductor
