// Package notifier sends what happens to jobs to the endpoints that want to know.
//
// The log of events is the queue: nothing is copied to be sent. An endpoint is a place
// in the log, up to which everything is settled, and a short list of jobs that are
// behind. A job whose event was not taken waits in that list, and its later events wait
// in the log, so its order is kept while other jobs go on. Without endpoints nothing is
// read and nothing is written.
//
// What is open is bounded: an endpoint has as many requests under way as
// [Config].InFlight, and as many jobs in its list as [Config].Behind; with a full list it
// reads no further. What waits, waits in no slot. Each endpoint has its own, so one that
// is dead costs the others nothing. After a few failures in a row it is asked with one
// event at a time and more and more rarely, and not at all while the circuit of its host
// is open; with the first success all that waits is due at once.
//
// Of all processes with the role one works, which holds a lease; the others stand by. A
// lane is saved by compare and set, so one that has lost the lease without knowing
// cannot undo what the next one has noted.
//
// What a kill costs, or a stop, which cuts requests off that take too long:
//
//	before a record was read     nothing; the lane begins after the saved place
//	before it was sent           nothing: the job is not settled up to it
//	while it is sent             it is sent again, with the same webhook-id
//	after the answer, before
//	the log of deliveries        the same, and the log lacks the first attempt
//	after the log, before the
//	place was saved              the same, and the log shows both
//	after the place was saved    nothing
//
// A place is saved a tenth of a second after it has changed; that is how much is sent
// again after a kill. It is sent in the order of the job once more. So every event comes
// at least once, and the events of a job in order but for repetitions, which their
// webhook-id shows.
//
// A replay is another such place with an end. It runs beside the main one, and there is
// no order between the two.
package notifier
