// Package brokeruser says who may do what at the broker: one user for each role of a
// mill and for each stage, and users for other people's programs, each with the least
// that its work needs. It holds names and rules and does nothing.
//
// # What the rights hold off
//
// A stage pulls from its own two consumers, answers on its own subjects, and saves its
// place. It cannot publish an event, work or another stage's outcome, make, change or
// read a consumer of others, remove or purge a stream, or read keys, rules and
// endpoints. A submitter hands in jobs of one tenant and hears what became of them being
// taken; a reader follows one tenant's events. Each has subjects of its own for answers,
// and hears nobody else's.
//
// # What they cannot hold off
//
// Permissions of NATS are about subjects, and some things have none:
//
//   - Checkpoints, effects and progress are named by job and step, not by stage: a stage
//     can write those of another stage's steps, and read all of them. What it writes is
//     fenced, and a step whose checkpoint is not its own begins anew.
//   - $JS.API.DIRECT.GET and $JS.API.STREAM.MSG.GET read a whole stream. Who may read one
//     message of EVENTS by its sequence may read all, of every tenant: that is all roles
//     of a mill, stages too, which look whether a job still waits for them. A reader only
//     listens, and hears its tenant only; where a job stands it asks over HTTP.
//   - The broker does not hold the reply subject of a message against the rights of who
//     sends it: who may ask it anything can have the answer sent to a subject of others,
//     even to one that EVENTS keeps. A direct read hands out a message as it was stored,
//     so that who may write one and read it directly could have it stored as an event.
//     Hence stages read from the leader, whose answer is in words of its own, and may
//     read nothing directly. What they, and submitters, can still have sent to EVENTS is
//     the broker's words, such as {"stream":…,"seq":…}: never a record. The conductor and
//     the gateway pass over it; who follows events sees it, and knows it by that it has no
//     revision.
//   - The same way leads to the API of JetStream, and there the broker takes its own
//     answer for a request: a pull whose reply is $JS.API.STREAM.DELETE.<stream> removes
//     that stream when the broker says, without a word in it, that there is nothing to
//     pull (tried with nats-server 2.15.2). The answers that submitters get have words,
//     and remove nothing. So these rights hold back faults, and a worker that is deceived
//     into publishing; they do not hold back a worker that is taken over by somebody who
//     knows this. Its events and streams are then safe in a backup only.
//   - Who may make a consumer may have the broker deliver what the stream holds to any
//     subject. So stages, submitters and readers may make none. Conductor, gateway and
//     notifier may, and are trusted that far: they cannot publish where they have no
//     business, but could have the broker do it.
//   - Message ids are shared by all who write to a stream. A stage that knows the id that
//     another will use, can have that message dropped as a repetition for some seconds;
//     the conductor's reconciliation makes up for it.
//
// Only accounts that import and export subjects would keep replies apart; Millrace does
// not write these. Where the rest is too much trust, run what you do not trust against a
// mill and a broker of its own.
package brokeruser
