package main

import (
	"io/fs"
	"strings"
)

// A word of the project means one thing everywhere: in code, events, pages and on the
// screen.
type word struct {
	name, meaning string
	// elsewhere is what others call it, and never what is to be said here.
	elsewhere, never []string
}

// words are the glossary. A test looks for what is never to be said.
func words() []word {
	return []word{
		{"Job", "One submission and all that follows from it. It has an id, a state and a history.", list("process instance"), list("workflow execution, workflow run")},
		{"Submission", "What asks for a job; it may be repeated.", list("command"), nil},
		{"Idempotency key", "The submitter's name for a submission. The same key with the same content is the same job and its outcome; with other content it is refused.", nil, list("dedup key, deduplication key")},
		{"Pipeline", "A named list of steps, in versions. A job keeps the version that it began with.", nil, list("workflow, routing slip, playbook")},
		{"Step", "A place in a pipeline: a stage, its settings, and what the step needs.", list("activity"), nil},
		{"Stage", "A kind of work, made once. Each has its own consumer.", list("processor, filter"), list("plugin")},
		{"Attempt", "One try of a step in a job, counted from 1. How often the broker delivers a message is another count.", list("try, execution"), nil},
		{"Task", "One attempt as the stage sees it.", list("activity task"), nil},
		{"Artifact", "A file that does not change any more, named by the digest of its content. Messages carry its digest and not its bytes.", nil, list("claim check, blob store")},
		{"Checkpoint", "A saved place in the work of a step, from which another attempt goes on. Those of a step are a chain, and each write is fenced.", list("continuation"), list("savepoint, snapshot")},
		{"Record", "One committed transition of a job: what came in, what happened, the state after it, and what is now due.", list("domain event, fact"), nil},
		{"Transition", "A move of a machine (of a job, a step or an undo) from one state to another.", nil, nil},
		{"Outcome", "What an attempt came to; of a job, what it left when it ended.", list("result"), nil},
		{"Finding", "A small fact that a stage reports, for conditions and for the audit.", nil, nil},
		{"Fault", "An error that is classified: it has a class, a code and a hint.", list("error"), list("error code")},
		{"Class", "What kind of fault it is. It decides what happens next.", list("error category"), nil},
		{"Policy", "What is done about a fault by its class: try again, wait, ask a person, fail.", list("retry policy, error handler"), nil},
		{"Rule", "A change to the policy while the mill runs, with a reason and an end.", nil, nil},
		{"Breaker", "What stops calls to a dependency that is down. While it is open, tasks wait; they do not fail.", list("circuit breaker"), nil},
		{"Attention", "The state in which only a person can go on. Nothing is lost in it.", list("stuck"), list("quarantine, quarantined")},
		{"Decision", "What a person is asked: what happened, what can be chosen, and what is done when nobody does.", list("human task, approval"), nil},
		{"Effect", "A change outside of the mill. It is made at most once, or reported as unknown.", list("side effect"), nil},
		{"Undo", "What takes back what one step has done.", list("compensation"), list("compensating transaction, saga")},
		{"Rollback", "All undos of a job that has ended, in reverse order, by a plan that was looked at first.", list("backward recovery"), nil},
		{"Partial", "How a job ends that has its critical steps and misses others.", list("graceful degradation"), nil},
		{"Rerun", "A job that runs an ended one again, and reuses what has not changed.", list("replay"), nil},
		{"Progress", "How far an attempt is. It may be lost and decides nothing.", nil, list("heartbeat")},
		{"View", "The list of jobs as it is kept for reading, folded from the records. It can be lost and built again.", nil, list("read model, projection, materialized view")},
		{"Fence", "The place in a history that a writer has seen. What was written since refuses it.", list("fencing token, optimistic lock"), nil},
		{"Dead letter", "A message that no consumer could handle, kept with the reason.", list("poison message"), list("DLQ, dead letter queue")},
		{"Redrive", "To publish the message of a dead letter again.", nil, nil},
		{"Operation", "One thing done to all jobs, or dead letters, that a filter matched when it began.", list("bulk action, batch"), nil},
		{"Endpoint", "An address that events are sent to.", list("subscriber, webhook target"), nil},
		{"Tenant", "Whose a job is. A key sees one tenant, or all.", list("project"), list("namespace")},
		{"Scope", "What a key may do.", list("permission, role"), nil},
		{"Role", "What a process does: gateway, conductor, notifier, or stages.", list("target, mode"), nil},
		{"Mill", "All roles together, in one process or in many.", list("cluster, instance"), nil},
		{"Conductor", "The service that commits transitions.", nil, list("orchestrator, process manager")},
		{"Worker", "A process that runs stages.", nil, nil},
		{"At least once", "How messages are delivered. Records are fenced and artifacts named by content, so a repetition changes nothing.", list("effectively once"), list("guaranteed delivery")},
	}
}

// list splits what commas separate.
func list(s string) []string { return strings.Split(s, ", ") }

// writeGlossary lists the words.
func writeGlossary(_ fs.FS, t *text) error {
	t.say("Each word means one thing here: in code, events, pages and on the screen. A test looks through the pages, " +
		"the help, the faults and the documents of both doors for what is not said.")
	var rows [][]string
	for _, w := range words() {
		rows = append(rows, []string{"**" + w.name + "**", plain(w.meaning), plain(strings.Join(w.elsewhere, ", ")), plain(strings.Join(w.never, ", "))})
	}
	t.table([]string{"word", "meaning", "elsewhere called", "not said"}, rows)
	return nil
}
