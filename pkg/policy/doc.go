// Package policy decides which rule of an operator speaks about a failed attempt,
// and what it says.
//
// A rule is an operator's instruction: "for the next hour treat what the CRM
// answers as dependency_down, and try again at most twice a second". A ruling is
// what a rule said about one failed attempt; package flow goes by it in place of
// the fault's class and the step's policy, and the job's record keeps it.
//
// A rule is about a failed attempt when all that its match gives fits. Of several
// such rules exactly one speaks, and nothing is mixed:
//
//  1. the one with more conditions;
//  2. of these the one with more exact conditions: a code or dependency without an
//     asterisk, a stage with its version;
//  3. of these the one whose code and dependency are longer;
//  4. of these the newest.
//
// Rules come after the breakers of the workers, which judge by the fault's own class:
// to treat a fault as dependency_down opens no circuit.
//
// A rule that has ended is not asked. No rule speaks about stage.draining: a worker
// that stops is no trouble of the step.
//
// # Rates
//
// A rule with a rate gives the next attempts of what it is about places in time, at
// least one over the rate apart; see [Pace]. The places are kept by each conductor
// for itself and in its memory: n conductors make n times as many attempts due, and
// one that was restarted begins anew. The rate is about next attempts; what was not
// tried before, and what a person retries, does not wait for a place.
//
// The package is pure, as package flow is. All functions may be called at once,
// except where they say otherwise.
package policy
