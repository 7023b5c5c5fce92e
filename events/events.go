package events

import "strings"

// Root is the first token of every subject that belongs to Millrace.
const Root = "millrace"

// DefaultTenant is the tenant of a submission that names none.
const DefaultTenant = "default"

// Kinds of a record: the last token of its subject.
const (
	// KindJob marks a record that moved the job itself to another state.
	KindJob = "job"
	// KindStep marks a record that moved a step and left the job where it was.
	KindStep = "step"
	// KindUndo marks a record of compensating work.
	KindUndo = "undo"
)

// Streams, by the name the broker knows them under.
const (
	StreamIntake      = "MILLRACE_INTAKE"
	StreamQueue       = "MILLRACE_QUEUE"
	StreamOutcomes    = "MILLRACE_OUTCOMES"
	StreamControl     = "MILLRACE_CONTROL"
	StreamEvents      = "MILLRACE_EVENTS"
	StreamCheckpoints = "MILLRACE_CHECKPOINTS"
	StreamProgress    = "MILLRACE_PROGRESS"
	StreamDead        = "MILLRACE_DEAD"
	StreamDeliveries  = "MILLRACE_DELIVERIES"
	StreamAudit       = "MILLRACE_AUDIT"
)

// WorkStreams are the streams that durable consumers work at.
func WorkStreams() []string {
	return []string{StreamIntake, StreamQueue, StreamOutcomes, StreamControl}
}

// Key-value buckets, by name.
const (
	// BucketPipelines holds pipeline definitions.
	BucketPipelines = "millrace_pipelines"
	// BucketCredentials holds the hashes of API keys.
	BucketCredentials = "millrace_credentials"
	// BucketRules holds the rules of operators; its history is their audit.
	BucketRules = "millrace_rules"
	// BucketDeadLetters holds what people did about dead letters.
	BucketDeadLetters = "millrace_deadletters"
	// BucketOperations holds bulk operations: what was asked, on what, and how far
	// they are.
	BucketOperations = "millrace_operations"
	// BucketEndpoints holds the addresses that events are sent to, and how far each
	// of them has come.
	BucketEndpoints = "millrace_endpoints"
	// BucketUploads holds how far uploads are.
	BucketUploads = "millrace_uploads"
)

// Buckets are all key-value buckets of a mill.
func Buckets() []string {
	return []string{
		BucketPipelines, BucketCredentials, BucketRules, BucketDeadLetters,
		BucketOperations, BucketBreakers, BucketEndpoints, BucketUploads,
	}
}

// Subject builds a subject from tokens. Callers use the functions below.
func subject(tokens ...string) string { return Root + "." + strings.Join(tokens, ".") }

// SubmitSubject is where a job is handed in: millrace.submit.<tenant>.<pipeline>.
func SubmitSubject(tenant, pipeline string) string { return subject("submit", tenant, pipeline) }

// WorkSubject is where a stage finds a step to do:
// millrace.work.<stage>.<tenant>.<job>.<step>.
func WorkSubject(stage, tenant, job, step string) string {
	return subject("work", stage, tenant, job, step)
}

// UndoSubject is where a stage finds a step to compensate:
// millrace.undo.<stage>.<tenant>.<job>.<step>.
func UndoSubject(stage, tenant, job, step string) string {
	return subject("undo", stage, tenant, job, step)
}

// TimerSubject is where a scheduled message waits:
// millrace.timer.<tenant>.<job>.<step>. Publishing to it again re-arms it.
func TimerSubject(tenant, job, step string) string { return subject("timer", tenant, job, step) }

// DueSubject is where a timer fires: millrace.due.<tenant>.<job>.
func DueSubject(tenant, job string) string { return subject("due", tenant, job) }

// OutcomeSubject is where a stage answers: millrace.outcome.<stage>.<tenant>.<job>.<step>.
func OutcomeSubject(stage, tenant, job, step string) string {
	return subject("outcome", stage, tenant, job, step)
}

// ControlSubject is where a command to a job goes: millrace.control.<tenant>.<job>.
func ControlSubject(tenant, job string) string { return subject("control", tenant, job) }

// EventSubject is where a record is kept: millrace.events.<tenant>.<pipeline>.<job>.<kind>.
func EventSubject(tenant, pipeline, job, kind string) string {
	return subject("events", tenant, pipeline, job, kind)
}

// HistoryFilter matches every record of one job, whatever its pipeline. It is also
// the fence of that job: all writers must use this exact string.
func HistoryFilter(tenant, job string) string { return subject("events", tenant, "*", job, "*") }

// LiveSubject is the lossy copy of a record on core NATS: millrace.live.<tenant>.<job>.<kind>.
func LiveSubject(tenant, job, kind string) string { return subject("live", tenant, job, kind) }

// CheckpointSubject is where a step saves its place: millrace.checkpoint.<tenant>.<job>.<step>.
func CheckpointSubject(tenant, job, step string) string {
	return subject("checkpoint", tenant, job, step)
}

// EffectSubject is what is known of an effect of a step, by its id:
// millrace.effect.<tenant>.<job>.<step>.<id>. See [EffectID].
func EffectSubject(tenant, job, step, id string) string {
	return subject("effect", tenant, job, step, id)
}

// ProgressSubject is how far a step is: millrace.progress.<tenant>.<job>.<step>.
func ProgressSubject(tenant, job, step string) string { return subject("progress", tenant, job, step) }

// DeadSubject is where a message goes that no consumer can handle:
// millrace.dead.<consumer>.<tenant>.
func DeadSubject(consumer, tenant string) string { return subject("dead", consumer, tenant) }

// DeliverySubject is where it is kept what became of an attempt to send an event:
// millrace.delivery.<tenant>.<endpoint>.<job>.
func DeliverySubject(tenant, endpoint, job string) string {
	return subject("delivery", tenant, endpoint, job)
}

// AuditSubject is where it is kept what one did: millrace.audit.tenant.<tenant>.<id>, or
// millrace.audit.mill.<tenant>.<id> for what belongs to no tenant; tenant is then the one
// that the request named.
func AuditSubject(mill bool, tenant, id string) string {
	if mill {
		return subject("audit", "mill", tenant, id)
	}
	return subject("audit", "tenant", tenant, id)
}

// HookTestSubject is where the notifier is asked on core NATS to test an endpoint:
// millrace.hooktest.<tenant>.<endpoint>.
func HookTestSubject(tenant, endpoint string) string { return subject("hooktest", tenant, endpoint) }

// CancelledSubject is a lossy core NATS signal that running work of a job must stop:
// millrace.cancelled.<tenant>.<job>.
func CancelledSubject(tenant, job string) string { return subject("cancelled", tenant, job) }

// Filters that streams and consumers bind to.
const (
	AllSubmit      = Root + ".submit.*.*"
	AllWork        = Root + ".work.*.*.*.*"
	AllUndo        = Root + ".undo.*.*.*.*"
	AllTimers      = Root + ".timer.*.*.*"
	AllDue         = Root + ".due.*.*"
	AllOutcomes    = Root + ".outcome.*.*.*.*"
	AllControl     = Root + ".control.*.*"
	AllEvents      = Root + ".events.*.*.*.*"
	AllCheckpoints = Root + ".checkpoint.*.*.*"
	AllEffects     = Root + ".effect.*.*.*.*"
	AllProgress    = Root + ".progress.*.*.*"
	AllDead        = Root + ".dead.*.*"
	AllCancelled   = Root + ".cancelled.*.*"
	AllDeliveries  = Root + ".delivery.*.*.*"
	AllAudit       = Root + ".audit.*.*.*"
	AllLive        = Root + ".live.*.*.*"
	AllHookTests   = Root + ".hooktest.*.*"

	// IntakeKeeper is a message of the intake that nobody consumes, so that the
	// stream never runs empty.
	IntakeKeeper = Root + ".intake.keeper"

	// LiveSource and LiveTarget are the two sides of the republish rule of
	// the EVENTS stream.
	LiveSource = Root + ".events.*.*.*.*"
	LiveTarget = Root + ".live.{{wildcard(1)}}.{{wildcard(3)}}.{{wildcard(4)}}"
)

// WorkOf matches all work of one stage.
func WorkOf(stage string) string { return subject("work", stage, "*", "*", "*") }

// UndoOf matches all compensating work of one stage.
func UndoOf(stage string) string { return subject("undo", stage, "*", "*", "*") }

// WorkOfStep matches the work of one step, whatever its stage.
func WorkOfStep(tenant, job, step string) string { return subject("work", "*", tenant, job, step) }

// UndoOfStep matches the compensating work of one step, whatever its stage.
func UndoOfStep(tenant, job, step string) string { return subject("undo", "*", tenant, job, step) }

// OutcomeOfStep matches the answers for one step, whatever its stage.
func OutcomeOfStep(tenant, job, step string) string {
	return subject("outcome", "*", tenant, job, step)
}

// EffectsOf matches what is known of all effects of a step.
func EffectsOf(tenant, job, step string) string { return subject("effect", tenant, job, step, "*") }

// LiveOf matches the live records of one job.
func LiveOf(tenant, job string) string { return subject("live", tenant, job, "*") }

// ProgressOf matches the progress of every step of one job.
func ProgressOf(tenant, job string) string { return subject("progress", tenant, job, "*") }

// Durable consumers.
const (
	ConsumerIntake   = "conductor-intake"
	ConsumerOutcomes = "conductor-outcomes"
	ConsumerControl  = "conductor-control"
	ConsumerDue      = "conductor-due"
	// ConsumerTimers takes nothing: it counts the timers that wait in the queue.
	ConsumerTimers = "conductor-timers"
)

// StageConsumer names the durable consumer of a stage's work.
func StageConsumer(stage string) string { return "stage-" + stage }

// UndoConsumer names the durable consumer of a stage's compensating work.
func UndoConsumer(stage string) string { return "undo-" + stage }

// ValidToken reports whether s may be used as one token of a subject: 1 to 64
// of a-z, 0-9, '_' and '-', so that no name can smuggle in a dot or a wildcard.
func ValidToken(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// Tokens splits a subject and returns the tokens after the root and the first
// word, for example tenant, pipeline, job and kind of an event. ok is false
// when the subject does not start with millrace.<word> or has not n tokens
// after it, or when one of them is not a [ValidToken].
func Tokens(subj, word string, n int) (tokens []string, ok bool) {
	rest, found := strings.CutPrefix(subj, Root+"."+word+".")
	if !found {
		return nil, false
	}
	tokens = strings.Split(rest, ".")
	if len(tokens) != n {
		return nil, false
	}
	for _, t := range tokens {
		if !ValidToken(t) {
			return nil, false
		}
	}
	return tokens, true
}
