// The shapes of the HTTP API, as far as the page uses them: those of pkg/api and of
// the schemas.

export type JobState = 'accepted' | 'running' | 'waiting' | 'attention' | 'paused' | 'cancelling' |
	'compensating' | 'completed' | 'partial' | 'failed' | 'cancelled' | 'rolled_back'

/** jobStates are all states of a job, the final ones last. */
export const jobStates: JobState[] = ['accepted', 'running', 'waiting', 'attention', 'paused', 'cancelling',
	'compensating', 'completed', 'partial', 'failed', 'cancelled', 'rolled_back']

export interface Fault { code: string; class: string; message?: string; hint?: string; dependency?: string; retry_after_ms?: number }
export interface File_ { name: string; digest: string; size: number; media_type?: string }
export interface Source { name?: string; url?: string; digest?: string; inline?: string; size?: number; media_type?: string }
export interface Choice { verb: string; steps?: string[]; needs?: string[] }
export interface PipelineRef { name: string; digest: string }

export interface ProblemShape {
	status: number; code: string; title: string; class: string; retryable: boolean
	detail?: string; hint?: string; allowed?: Choice[]; errors?: { pointer: string; detail: string }[]
}

export interface JobItem {
	id: string; revision: number; state: JobState; pipeline: PipelineRef; key?: string; labels?: Record<string, string>
	rerun?: string; name?: string; files: number; steps_done: number; steps: number; fault?: Fault
	accepted_at: string; finished_at?: string
}
export interface JobPage { jobs: JobItem[]; next_cursor?: string; view?: Freshness }
export interface Freshness { lag: number; lag_seconds: number; stale?: boolean; problem?: string }

export interface Resumed { checkpoint?: number; done?: number; total?: number; percent?: number; decision: string; reason?: string; cause?: Fault }
export interface DecisionRecord { id: string; opened_at: string; due_at: string; default: string; attempts: number; overdue?: number; made?: Made }
export interface Made { at: string; by?: string; choice: string; reason?: string; default?: boolean }
export interface Undo { state: string; attempt: number; accepted?: string; fault?: Fault; retry_at?: string; decision?: DecisionRecord }
export interface Step {
	state: string; stage: string; attempt: number; spent?: number; logic?: string; files?: File_[]
	findings?: Record<string, string>; fault?: Fault; retry_at?: string; queued_at?: string; until?: string
	resumed?: Resumed; effect?: string; reason?: string; reuse?: { reused?: boolean; reason: string; job?: string }
	undo?: Undo; decision?: DecisionRecord; ruling?: { rule: string }
}
export interface Job {
	id: string; tenant: string; pipeline: PipelineRef; state: JobState; key?: string; files: Source[]
	params?: Record<string, unknown>; labels?: Record<string, string>; steps: Record<string, Step>
	outputs?: Record<string, File_[]>; missing?: string[]; fault?: Fault; goal?: string; reason?: string
	rerun?: { job: string; from_step?: string; reason?: string }; accepted_at: string; finished_at?: string
}
export interface JobAnswer { revision: number; job: Job; allowed?: Choice[] }
export interface Command { verb: string; reason?: string; by?: string; step?: string }
export interface Outcome { step: string; attempt: number; verdict: string; fault?: Fault; checkpoints?: number; worker?: string; started_at: string; ended_at: string; resumed?: Resumed; files?: File_[] }
export interface Record_ {
	type: string; revision: number; time: string; step?: string; attempt?: number; job: Job
	input: { submit?: unknown; outcome?: Outcome; timer?: { step: string; limit?: string }; control?: Command }
}
export interface Progress { step: string; attempt: number; done: number; total?: number; unit?: string; time: string }
export interface Reason { step?: string; undo?: boolean; state: string; why: string; next?: string; until?: string; attempts_left?: number; waits_for?: string[]; fault?: Fault; choices?: Choice[] }
export interface Checkpoint {
	position: number; kind?: string; number?: number; attempt?: number; worker?: string; stage?: string; logic?: string; time: string
	done?: number; total?: number; percent?: number; decision?: string; reason?: string; cause?: Fault; outputs?: string[]
	damage?: string; state?: unknown
}
export interface FaultInfo { code: string; class: string; text: string; hint: string; policy: string; runbook: { do: string; command: string }[] }
export interface Explanation { revision: number; reasons: Reason[] }

export interface RollbackPlan { revision: number; digest: string; steps: { step: string; stage: string; reversible: boolean; attempt: number; files?: File_[] }[] | null }
export interface RerunPlan { steps: { step: string; stage: string; decision: string; why: string }[]; pipeline: PipelineRef }
export interface Receipt { job: string; duplicate?: boolean }

export interface Decision {
	id: string; version: string; job: string; state: JobState; pipeline: string; step: string; undo?: boolean; stage: string
	opened_at: string; due_at: string; default: string; overdue?: number; fault?: Fault; attempts: number; effect?: string
	checkpoint?: { number?: number; percent?: number }; choices?: { choice: string; means: string }[]; made?: Made
}
export interface DecisionPage { decisions: Decision[]; next_cursor?: string }

export interface DeadLetter {
	id: string; revision: number; state: string; consumer: string; subject: string; stream: string; sequence: number
	job?: string; code: string; reason: string; hint?: string; time: string; size: number; cut?: boolean
	headers?: Record<string, string[]>; text?: string; data?: string
	done?: { at: string; by?: string; reason?: string; job?: string }
}
export interface DeadLetterPage { deadletters: DeadLetter[]; next_cursor?: string }

export interface StageShape {
	name: string; version: number; summary: string; guarantee?: string; inputs?: string; outputs?: string
	findings?: Record<string, string>; faults?: string[]; needs?: string[]; timeout_ms?: number; config?: unknown
}
export interface Breaker { worker: string; dependency: string; state: string; since: string; until?: string; failures?: number; reason?: string; stages?: string[] }

export interface Consumer { name: string; stage?: string; undo?: boolean; pending: number; in_flight: number; delivered: number; served: boolean; oldest_seconds: number }
export interface AuditEntry {
	id: string; time: string; tenant: string; mill?: boolean; by: string; action: string; target?: string
	detail?: string; reason?: string; request: string; outcome: string; code?: string
}
export interface AuditPage { entries: AuditEntry[]; next_cursor?: string }
export interface Who { identity: string; by?: string; tenant?: string; scopes?: string[] }

export interface PipelineEntry { name: string; digest: string; description?: string; applied_at: string }
export interface PipelineStep { id: string; stage: string; needs?: string[]; critical: boolean; irreversible?: boolean; max_attempts?: number }
export interface Pipeline { name: string; digest: string; description?: string; labels?: Record<string, string>; params_schema?: Schema; steps: PipelineStep[]; source: string }
export interface Schema { type?: string | string[]; properties?: Record<string, Schema>; required?: string[]; enum?: unknown[]; default?: unknown; description?: string; title?: string }

export interface Failure { code: string; class: string; hint?: string; count: number; last_at?: string; jobs: number; example?: string }
export interface Recovery { at: string; recovered: number; given_up: number; mean_ms: number; median_ms: number; p95_ms: number }
export interface Flow { at: string; accepted: number; finished: Record<string, number>; failures: number; mean_ms: number }
export interface Counts { jobs: number; states: Record<string, number> }

export interface Webhook {
	id: string; url: string; types: string[]; pipelines: string[]; description?: string; scheme: string
	enabled: boolean; reason?: string; created_at: string
	status?: { position?: number; waiting?: number; failures?: number; failing_since?: string }
}
export interface Delivery {
	id: string; type: string; job: string; attempt: number; outcome: string; status?: number; ms: number
	code?: string; detail?: string; time: string; next_at?: string
}
