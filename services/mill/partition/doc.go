// Package partition cuts the parts of a mill off from their broker, for longer than
// the broker waits for them, and lets them come back.
//
// The parts are real ones, each with a connection of its own to a real broker; the
// connection that is cut goes through a proxy that swallows every byte and closes
// nothing. A worker that is cut off goes on with its attempt; the task goes to
// another one, which finishes. When the network is back the first worker wants to
// save a place, or to note what came of a call: it is refused, what it answers changes
// nothing, and its slot takes work again. A conductor that is cut off finds, when it
// is back, that another one has moved the jobs that it remembers, and follows.
//
// All of it is in tests.
package partition
