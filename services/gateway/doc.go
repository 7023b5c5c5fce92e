// Package gateway is the HTTP door of a mill: jobs are submitted, read, followed
// and commanded here, files go in and results come out, pipelines are applied.
//
// It decides nothing. A submission becomes a message on the intake, with a reply
// subject on which the conductor's receipt or problem comes back; a command becomes
// a message on the control stream, and the gateway watches the job's records for
// its effect; a job is its last record; following a job is reading its records in
// order, from the log and then live, and all who follow all jobs share one consumer.
// So any number of gateways may run, and one that is killed leaves nothing behind.
//
// No body is ever held in memory: uploads go to the artifact store as they come,
// downloads come from there, and JSON is bounded at 1 MiB. A peer that sends or
// takes less than 1 KiB/s over 10 seconds is cut off; time that the gateway itself
// needs does not count.
//
// Every refusal is application/problem+json with a code of package fault. That of a
// command lists the commands that the job takes as it is, as the job itself does; the
// machine of package flow says which. A command may name the revision that it is
// meant for in If-Match, and a rollback must.
//
// # Who asks
//
// With an [Authenticator] every request says who makes it, and the table of doors says
// for every route which scope it takes; a route without a row is closed. It stands
// before the multiplexer, so that whatever is mounted goes through it. The tenant is
// that of the principal; only one of the whole mill may name another. What belongs to
// another tenant is answered like what is not there. Commands, submissions, pipelines,
// rules, dead letters and operations keep who has asked for them.
//
// # Browsers
//
// A gateway that listens on loopback takes only requests whose Host is loopback or
// was allowed, so that no web site can reach it by rebinding its own name. Requests
// that change something are refused when a browser says that another site's page
// makes them. Artifacts are handed out as attachments of no particular type in a
// sandbox, so that no uploaded page runs in the gateway's origin.
package gateway
