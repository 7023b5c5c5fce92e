// Package checkpoint lets a step go on where an earlier attempt at it stopped.
//
// A stage calls [Chain.Resume] before anything else, writes its outputs through
// [Run.Output], and tells the run with [Run.Offer] whenever its state and its
// outputs belong together. From time to time the run makes such a place durable
// as a record of the step's chain: the state, and where each unfinished output
// is. An attempt that dies costs what was done since the last of them: at most
// [Options.Bytes], while the log answers and the stage offers often.
//
// # The chain
//
// Each record is stored behind the one that its writer knew as the newest, or
// not at all; it has the digest of that one, and one of itself. An attempt that
// is not the first begins with a claim, which repeats the place it goes on from:
// whoever wrote before is refused at the next save and stops. The same door
// stops an attempt whose job was cancelled. A record that is damaged, or whose
// outputs are, is passed over for the one before, and the claim says so.
//
// # Crash table
//
//	killed after              | found                  | done by the next attempt
//	--------------------------|------------------------|--------------------------------
//	task taken, first attempt | nothing                | claim; starts at the start
//	Resume read the log       | the chain as it was    | the same as if it had not been
//	claim stored              | a claim with the place | claims again with that place, so
//	                          |                        | dying early never loses it
//	outputs partly stored     | chunks no record names | goes on at the last record; the
//	                          |                        | chunks are met again or swept
//	outputs stored, record    | the same               | the same
//	not yet                   |                        |
//	record stored             | the place              | goes on there
//	output committed, not     | the place before it,   | goes on there and commits the same
//	saved yet                 | and a content          | bytes, which are one content
//	the last save             | the newest place       | does what came after it again
//
// A worker that is not dead but slow finds a claim that is not its own. What it
// wrote to its outputs until then is its own too: unfinished contents are no
// one's before a record names them.
//
// # Draining
//
// An attempt that is told to stop because its worker drains loses what it did
// since the last record, as if it had been killed. If it makes one more offer
// before it returns, that place is saved when it can be within 2 seconds; it
// cannot when a larger output is open, which ends with its context.
package checkpoint
