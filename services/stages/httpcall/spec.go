package httpcall

import (
	"encoding/json"
	"time"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

func spec() stage.Spec {
	faults := []fault.Code{
		fault.HttpcallRejected, fault.HttpcallDenied, fault.HttpcallUntrusted, fault.HttpcallRateLimited,
		fault.HttpcallUnavailable, fault.HttpcallUnreachable, fault.HttpcallServerError, fault.HttpcallNoAnswer,
		fault.HttpcallTimeout, fault.HttpcallUnexpected, fault.HttpcallUnsettled, fault.NetPrivateAddress,
		fault.BreakerOpen, fault.EffectUnknown, fault.EffectRefused, fault.CheckpointOvertaken,
		fault.CheckpointUnexpected, fault.JobCancelled, fault.StageBadConfig, fault.StageNoInput, fault.InternalBug,
	}
	s := stage.Spec{
		Name: "http-call", Version: 1, Logic: "1",
		Summary: "Makes one HTTP request for the job, or one for each file, with an idempotency key.",
		Guarantee: "A request is made at most once, or the step says that it cannot tell. After a crash in " +
			"the middle of a call the other side is asked, as verify says; without verify a person is. " +
			"Calls that were made are not made again.",
		Inputs:  "Any files, or none; with each: file at least one.",
		Outputs: "The inputs.",
		Findings: map[string]string{
			"calls":      "How many requests the step stands for.",
			"status":     "The status of the answer; unrecorded when a person said that the call was made.",
			"answer":     "The answer, if it is JSON: at most 1 KiB, without what headers say.",
			"status.<n>": "With each: file, the same for the file, up to the thirtieth.",
			"answer.<n>": "With each: file, the same for the file, up to the thirtieth.",
		},
		Config:  json.RawMessage(schema),
		Timeout: 5 * time.Minute,
		Slots:   8,

		WritesLittle: true,
	}
	for _, f := range faults {
		s.Faults = append(s.Faults, string(f))
	}
	return s
}

const (
	urlSchema    = `"type": "string", "minLength": 1, "maxLength": 4096`
	statusSchema = `"type": "array", "maxItems": 32, "items": {"type": "integer", "minimum": 200, "maximum": 599}`
	methodSchema = `"type": "string", "enum": ["POST", "PUT", "PATCH", "DELETE"], "default": "POST"`
)

const schema = `{
"$schema": "https://json-schema.org/draft/2020-12/schema",
"type": "object", "additionalProperties": false, "required": ["url"],
"properties": {
  "url": {` + urlSchema + `,
    "description": "Where the request goes: http or https. {id} stands for the id of the call, which is also its idempotency key."},
  "method": {` + methodSchema + `, "description": "The method of the request."},
  "headers": {"type": "object", "maxProperties": 32, "additionalProperties": {"type": "string", "maxLength": 8192},
    "description": "Headers of the request. They go to verify and undo as well, if these have the same scheme and host."},
  "body": {"description": "The body, any JSON. With each: file an object, to which the file is added: name, digest, size, media_type."},
  "each": {"type": "string", "enum": ["job", "file"], "default": "job",
    "description": "One request for the job, or one for each file."},
  "expect": {` + statusSchema + `,
    "description": "Statuses that mean that it was done. Default: 200 to 299."},
  "time_limit": {` + stage.DurationSchema + `, "default": "30s",
    "description": "How long a request may take, at most 1h."},
  "max_answer": {` + stage.BytesSchema + `, "default": "64KiB",
    "description": "How much of an answer is read, at most 1MiB. The rest is not waited for."},
  "key_header": {"type": "string", "minLength": 1, "maxLength": 128, "default": "Idempotency-Key",
    "description": "The header that carries the idempotency key."},
  "key_quotes": {"type": "boolean", "default": true,
    "description": "Whether the key is sent in quotes, as the draft of the header wants it."},
  "verify": {"type": "object", "additionalProperties": false,
    "description": "How to find out, after a crash, whether the call was made. Without it a person is asked.",
    "properties": {
      "idempotent": {"type": "boolean", "default": false,
        "description": "The other side honours the key: the same request is sent again."},
      "url": {` + urlSchema + `, "description": "What to ask with GET. {id} stands for the id of the call."},
      "done_status": {` + statusSchema + `, "default": [200], "description": "Answers that mean that the call was made."},
      "absent_status": {` + statusSchema + `, "default": [404], "description": "Answers that mean that it was not."},
      "wait": {` + stage.DurationSchema + `, "default": "5s",
        "description": "How long after time_limit a call may still arrive: clocks differ, and the other side may be slow."}}},
  "undo": {"type": "object", "additionalProperties": false, "required": ["url"],
    "description": "The request that takes the call back when the job is compensated. Without it nothing is taken back.",
    "properties": {
      "method": {` + methodSchema + `, "description": "The method. For DELETE, 404 and 410 also mean that it was done."},
      "url": {` + urlSchema + `, "description": "Where it goes. {id} stands for the id of the call that is taken back."},
      "body": {"description": "The body, as that of the call."},
      "expect": {` + statusSchema + `, "description": "Statuses that mean that it was done. Default: 200 to 299."},
      "idempotent": {"type": "boolean",
        "description": "Whether the request may be sent again after a crash. Default: for PUT, DELETE, and where verify says so."}}}
}}`
