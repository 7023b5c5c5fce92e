// Package deadletter lets people see the messages that no consumer could handle, and
// publish them again, or say that nothing is to be done.
//
// A letter itself never changes: the stream that holds it is appended to by the
// consumers alone. What was done about it is a mark, in a bucket of its own, whose
// revision fences those who act at the same time.
//
// What a crash in the middle of a redrive costs:
//
//	before the mark      nothing has happened; the letter is open
//	after the mark       the letter says "redriving": redriving it again publishes the
//	                     same message under the same id and finishes the mark
//	after the message    the same; the stream drops the repeated message while its
//	                     duplicate window lasts, and after that whoever takes it does:
//	                     a submission by its idempotency key, which the message keeps,
//	                     an answer, a task and a timer by their attempt; a command is
//	                     decided by the job's state and may then count again
//
// The idempotency key of a submission is kept, also where it was the id of the
// message or its place in the intake, so that a redrive never makes a second job.
package deadletter
