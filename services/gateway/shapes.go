package gateway

import (
	"maps"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/openapi"
)

// shapes says of every route what goes in and what comes out, for the OpenAPI document.
// A route without a row here makes a test fail. A reading route's row holds for HEAD as
// well.
func shapes() map[string]openapi.Shape {
	all := jobShapes()
	for _, more := range []map[string]openapi.Shape{
		attentionShapes(), operationShapes(), fileShapes(), uploadShapes(), pipelineShapes(), millShapes(),
		viewShapes(), hookShapes(), identityShapes(), serverShapes(),
	} {
		maps.Copy(all, more)
	}
	return all
}

// jobShapes are those of jobs.
func jobShapes() map[string]openapi.Shape {
	receipt := openapi.JSON[events.Receipt]()
	all := map[string]openapi.Shape{
		"POST /v1/jobs": uploadFields(openapi.Does("submitJob")).
			Take(openapi.Members[api.Submission]("pipeline", "key", "files", "params", "labels"), formOfFiles(), oneFileBody()).
			Query("pipeline", "The pipeline of a job of the body alone.", openapi.Token()).
			Query("key", "The idempotency key of it.", openapi.Text()).
			Query("params", "The parameters of it, as a JSON object.", openapi.Text()).
			Query("param", "The parameters of it one by one, each as param.NAME=VALUE.", openapi.Named("param")).
			Query("label", "The labels of it, each as label.NAME=VALUE.", openapi.Named("label")).
			Header(api.HeaderFromJob, "A job whose files the submission may name by digest, though its tenant has not put them.").
			Header(events.HeaderTraceparent, "The trace that the job belongs to (W3C Trace Context).").
			Keyed().Waits().Tell("Location", api.HeaderIdempotencyKey).
			Give(200, receipt).Give(202, receipt),
		"GET /v1/jobs": openapi.Does("listJobs").
			Query("state", "States to show; several with commas between, or given several times.", openapi.Many(openapi.Text())).
			Query("pipeline", "The jobs of one pipeline.", openapi.Token()).
			Query("label", "Labels that a job must have, each as label.NAME=VALUE.", openapi.Named("label")).
			Query("since", "Jobs that were accepted then or later.", openapi.Time()).
			Query("until", "Jobs that were accepted before.", openapi.Time()).
			Query("fault", "Jobs that have a fault of one code now.", openapi.Text()).
			Query("class", "Jobs that have a fault of one class now.", openapi.Word(fault.Classes()...)).
			Query("search", "Words of the id, key, labels, names of files or faults; one with * at its end is a beginning.", openapi.Text()).
			Query("sort", "The order. The newest first if it is absent.", openapi.Word(api.JobSorts()...)).
			Paged().Give(200, openapi.JSON[api.JobPage]()),
		"GET /v1/jobs/{id}": openapi.Does("getJob").Cached().Waits().
			Header("Cache-Control", "no-cache asks the log itself, however busy the broker is. Without it the answer may be up to a second old then.").
			Give(200, openapi.JSON[api.Job]()),
		"GET /v1/jobs/{id}/events": follows(openapi.Does("getJobEvents")).
			Give(200, openapi.JSON[[]events.Record](), stream("Each record as an event of its type; then the event end.")),
		"GET /v1/events": follows(openapi.Does("getEvents")).
			Query("types", "Types of events with commas between, each whole or as a group: job.completed, step.*, *.", openapi.Text()).
			Query("pipeline", "Names of pipelines with commas between.", openapi.Text()).
			Query("job", "Ids of at most 50 jobs with commas between.", openapi.Text()).
			Query("after", "The place after which to begin.", openapi.Count(0, 1<<53)).
			Query("limit", "The size of a page. 100 if it is absent.", openapi.Count(1, maxEvents)).
			Refuse(422).
			Give(200, openapi.JSON[api.EventPage](), stream("Each event as a webhook would be told of it.")),
		"GET /v1/jobs/{id}/explain": openapi.Does("explainJob").Versioned().Give(200, openapi.JSON[api.Explanation]()),
		"GET /v1/jobs/{id}/steps/{step}/checkpoints": openapi.Does("listCheckpoints").
			Give(200, openapi.JSON[api.CheckpointList]()),
		"GET /v1/jobs/{id}/steps/{step}/checkpoints/{position}": openapi.Does("getCheckpoint").
			Give(200, openapi.JSON[api.Checkpoint]()),
		"GET /v1/jobs/{id}/rollback": openapi.Does("planRollback").Versioned().Refuse(409).Give(200, openapi.JSON[api.Rollback]()),
		"POST /v1/jobs/{id}/rerun": openapi.Does("rerunJob").MayTake(openapi.JSON[api.RerunRequest]()).
			Keyed().Waits().Tell("Location", api.HeaderIdempotencyKey).
			Give(200, receipt, openapi.JSON[api.RerunPlan]()).Give(202, receipt),
		"POST /v1/jobs/{id}/rollback": command("rollbackJob", events.VerbRollback).Guarded(),
	}
	for id, verb := range map[string]events.Verb{
		"cancelJob": events.VerbCancel, "retryJob": events.VerbRetry, "abandonJob": events.VerbAbandon,
		"pauseJob": events.VerbPause, "resumeJob": events.VerbResume, "skipStep": events.VerbSkip,
		"acceptUndo": events.VerbAccept,
	} {
		all["POST /v1/jobs/{id}/"+string(verb)] = command(id, verb).Conditional()
	}
	return all
}

// command is the shape of a command to a job.
func command(id string, verb events.Verb) openapi.Shape {
	return openapi.Does(id).MayTake(openapi.Members[api.Order](flow.Members(verb)...)).Refuse(409).
		Give(200, openapi.JSON[api.Job]()).Give(202, openapi.JSON[api.Job]())
}

// follows is for what can be followed as server-sent events.
func follows(s openapi.Shape) openapi.Shape {
	return s.Header("Last-Event-ID", "The id of the last event that has arrived; what came after it follows.")
}

func stream(description string) openapi.Content {
	return openapi.Plain(api.ContentTypeStream, description)
}

// attentionShapes are those of what waits for a person.
func attentionShapes() map[string]openapi.Shape {
	decision, letter := openapi.JSON[api.Decision](), openapi.JSON[api.DeadLetter]()
	return map[string]openapi.Shape{
		"GET /v1/decisions": openapi.Does("listDecisions").
			Query("pipeline", "Those of the jobs of one pipeline.", openapi.Token()).
			Query("class", "Those with a fault of one class.", openapi.Word(fault.Classes()...)).
			Query("overdue", "Those alone of which a due time has passed.", openapi.Truth()).
			Query("running", "Those as well of jobs of which other steps go on.", openapi.Truth()).
			Paged().Give(200, openapi.JSON[api.DecisionPage]()),
		"GET /v1/decisions/{id}": openapi.Does("getDecision").Versioned().Give(200, decision),
		"POST /v1/decisions/{id}": openapi.Does("decide").Guarded().Refuse(409).
			Take(openapi.JSON[api.DecisionAnswer]()).Give(202, decision),

		"GET /v1/deadletters": openapi.Does("listDeadLetters").
			Query("consumer", "The consumer that gave them up.", openapi.Token()).
			Query("code", "The code of the fault.", openapi.Text()).
			Query("state", "What was done about them.", openapi.Word(api.DeadStates()...)).
			Query("since", "When the oldest may have been given up.", openapi.Time()).
			Paged().Give(200, openapi.JSON[api.DeadLetterPage]()),
		"GET /v1/deadletters/{id}": openapi.Does("getDeadLetter").Versioned().Give(200, letter),
		"POST /v1/deadletters/{id}/redrive": openapi.Does("redriveDeadLetter").Conditional().Keyed().
			MayTake(openapi.JSON[api.Redrive]()).Give(200, letter).Give(202, letter),
		"DELETE /v1/deadletters/{id}": reasoned(openapi.Does("dropDeadLetter")).Conditional().Refuse(409, 428).Give(200, letter),
	}
}

// reasoned is for what is done with a reason in the query.
func reasoned(s openapi.Shape) openapi.Shape {
	return s.Query("reason", "Why, for people and for the audit; at most 1 KiB.", openapi.Text())
}

// operationShapes are those of bulk operations.
func operationShapes() map[string]openapi.Shape {
	operation := openapi.JSON[api.Operation]()
	moved := func(id string) openapi.Shape {
		return openapi.Does(id).MayTake(openapi.Members[api.Order](flow.MemberReason)).Versioned().Refuse(409).Give(200, operation)
	}
	return map[string]openapi.Shape{
		"POST /v1/operations": openapi.Does("startOperation").Take(openapi.JSON[api.OperationRequest]()).
			Keyed().Versioned().Tell("Location").Give(200, operation).Give(202, operation),
		"GET /v1/operations":      openapi.Does("listOperations").Give(200, openapi.JSON[api.OperationList]()),
		"GET /v1/operations/{id}": openapi.Does("getOperation").Versioned().Give(200, operation),
		"GET /v1/operations/{id}/items": openapi.Does("listOperationItems").
			Query("state", "What became of them.", openapi.Word(api.ItemStates()...)).
			Paged().Give(200, openapi.JSON[api.OperationItems]()),
		"POST /v1/operations/{id}/stop":   moved("stopOperation"),
		"POST /v1/operations/{id}/resume": moved("resumeOperation"),
	}
}
