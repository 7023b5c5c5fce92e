package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/schemas"
)

// postJob submits a job. A JSON body states it, a form brings files and fields; any
// other body is the file itself.
func (g *Gateway) postJob(x *exchange) error {
	switch t := x.mediaType(); {
	case t == events.ContentTypeJSON:
		return g.submitJSON(x)
	case x.isForm():
		return g.submitForm(x)
	case strings.HasPrefix(t, "multipart/"):
		return fault.New(fault.HTTPUnsupportedMediaType,
			t+"; send the submission as application/json or multipart/form-data, or the bytes of one "+
				"file as they are (curl --data-binary @FILE)", nil)
	}
	return g.submitUpload(x)
}

// submitJSON takes the submission apart no more than it has to: the conductor reads
// it as if it had come over the raw door.
func (g *Gateway) submitJSON(x *exchange) error {
	if x.r.URL.RawQuery != "" {
		return badRequest("a JSON body states everything itself, there is no query; " +
			"to upload a JSON file send it as application/octet-stream with " +
			"?media_type=application/json")
	}
	body, err := x.readBody(maxJSON)
	if err != nil {
		return err
	}
	s, err := parseSubmission(body, x.r.Header)
	if err != nil {
		return err
	}
	s.tenant = x.tenant
	if err := x.hasSources(s.payload); err != nil {
		return err
	}
	return g.answerSubmission(x, s)
}

// parseSubmission checks a JSON submission and makes it ready for the intake.
func parseSubmission(body []byte, h http.Header) (submission, error) {
	var s submission
	f, err := readFields(body)
	if err != nil {
		return s, err
	}
	if s.pipeline, err = f.text("pipeline"); err != nil {
		return s, err
	}
	if s.pipeline == "" {
		return s, invalid("/pipeline", "name the pipeline")
	}
	if !events.ValidToken(s.pipeline) {
		return s, invalid("/pipeline", "a name is 1 to 64 of a-z, 0-9, _ and -")
	}
	if _, ok := f.values["rerun"]; ok {
		return s, invalid("/rerun", "use POST /v1/jobs/{id}/rerun")
	}
	inBody, err := f.text("key")
	if err != nil {
		return s, err
	}
	if s.key, err = chooseKey(h, inBody, "the member key of the body"); err != nil {
		return s, err
	}
	if s.key == "" {
		s.key = newID() // repeating the message must not make a second job
	}
	key, err := json.Marshal(s.key)
	if err != nil {
		return s, fault.New(fault.InternalBug, "encode the key", err)
	}
	f.set("key", key)
	if s.payload, err = f.without("pipeline"); err != nil {
		return s, err
	}
	s.traceparent = traceOf(h)
	return s, checkPayload(s.payload)
}

// checkPayload compares a payload with its schema.
func checkPayload(payload []byte) error {
	list := schemas.Validate("submission", payload)
	if len(list) == 0 {
		return nil
	}
	code := fault.Code(list[0].Code)
	if code == "" {
		code = fault.SubmitInvalid
	}
	return withErrors(code, list[0].Pointer+": "+list[0].Detail, list)
}

// answerSubmission hands a submission in and answers with the receipt, at once or,
// when the client prefers to wait, when the job is final.
func (g *Gateway) answerSubmission(x *exchange, s submission) error {
	tellKey(x.w.Header(), s.key)
	s.by = x.by("")
	receipt, err := g.submit(x.r.Context(), x.route, s)
	if err != nil {
		return err
	}
	if wait := preferredWait(x.r.Header, g.Limits.MaxWait); wait > 0 {
		x.applied(wait)
		if receipt.Outcome == nil {
			g.waitForOutcome(x, &receipt, wait)
		}
	}
	h := x.w.Header()
	h.Set("Location", "/v1/jobs/"+receipt.Job)
	status := http.StatusAccepted
	if receipt.Outcome != nil {
		status = http.StatusOK
	}
	if receipt.Duplicate {
		h.Set(api.HeaderReplayed, "true")
		status = http.StatusOK
	}
	return x.json(status, receipt)
}

// waitForOutcome completes a receipt when the job ends in time. Trouble on the way
// leaves the receipt as it is: the job is accepted all the same.
func (g *Gateway) waitForOutcome(x *exchange, receipt *events.Receipt, wait time.Duration) {
	m, err := g.awaitJob(x.r.Context(), x.tenant, receipt.Job, wait, isFinal)
	if err != nil || m == nil {
		return
	}
	var rec events.Record
	if err := json.Unmarshal(m.Data, &rec); err != nil {
		return
	}
	receipt.State, receipt.Outcome = rec.Job.State, flow.Outcome(rec.Job)
}
