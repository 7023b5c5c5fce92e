package webhook

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// maxOutputs is how many files of a job a notification names.
const maxOutputs = 50

// TypeTest is the type of the event that a test of an endpoint sends.
const TypeTest = "webhook.test"

// dataSchema is the address of the schema of what a notification says.
var dataSchema = events.DataSchema("notification") + "#/$defs/NotificationData"

// MessageID is the webhook-id of an event at an endpoint: "msg_" and 26 letters and
// digits, made of both. It is the same for every attempt, and for a replay.
func MessageID(event, endpoint string) string {
	sum := sha256.Sum256([]byte(event + "/" + endpoint))
	return "msg_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// Notify makes the notification of a record.
func Notify(rec *events.Record) events.Notification {
	j := &rec.Job
	n := envelope(rec.Type, j.Tenant, j.ID, events.RecordID(j.Tenant, j.ID, rec.Revision), rec.Time)
	n.Data = events.NotificationData{
		Event: rec.Type, Cause: rec.Cause, Job: j.ID, Revision: rec.Revision, State: j.State, Pipeline: j.Pipeline,
		Key: j.Key, Labels: j.Labels, Steps: len(j.Steps), Missing: j.Missing, Fault: j.Fault,
		Reason: j.Reason, AcceptedAt: j.AcceptedAt, FinishedAt: j.FinishedAt,
	}
	d := &n.Data
	if d.Fault == nil && j.State == events.JobAttention {
		d.Fault = asks(rec)
	}
	d.Outputs, d.OutputsClipped = clipOutputs(j.Outputs)
	for _, st := range j.Steps {
		switch st.State {
		case events.StepSucceeded, events.StepFailed, events.StepSkipped, events.StepCancelled:
			d.StepsDone++
		}
	}
	if rec.Step != "" {
		st := j.Steps[rec.Step]
		d.Step = &events.NotificationStep{
			ID: rec.Step, State: st.State, Attempt: max(rec.Attempt, st.Attempt), Fault: st.Fault,
		}
		if u := st.Undo; u != nil {
			d.Step.Attempt = st.Attempt
			d.Step.Undo = &events.NotificationUndo{State: u.State, Attempt: u.Attempt, Fault: u.Fault}
		}
	}
	return n
}

// asks returns the fault for which a job needs a person: that of the step which the
// record speaks of, if it does, or else of the first one that does.
func asks(rec *events.Record) *events.Fault {
	for _, id := range append([]string{rec.Step}, slices.Sorted(maps.Keys(rec.Job.Steps))...) {
		switch st := rec.Job.Steps[id]; {
		case st.State == events.StepAttention:
			return st.Fault
		case st.Undo != nil && st.Undo.State == events.UndoAttention:
			return st.Undo.Fault
		}
	}
	return nil
}

// Test makes the notification with which an endpoint is tested. id names the test.
func Test(tenant, id string, now time.Time) events.Notification {
	now = now.UTC().Truncate(time.Millisecond)
	n := envelope(TypeTest, tenant, "test", tenant+"/test/"+id, now)
	n.Data = events.NotificationData{
		Event: TypeTest, Job: "test", State: events.JobCompleted, AcceptedAt: now, FinishedAt: now,
		Pipeline: events.PipelineRef{Name: "test", Digest: "sha256:" + strings.Repeat("0", 64)},
	}
	return n
}

func envelope(recordType, tenant, job, id string, at time.Time) events.Notification {
	return events.Notification{
		Specversion: events.SpecVersion, ID: id, Source: events.CESource, Type: events.CEType(recordType),
		Subject: "job/" + job, Time: at, Timestamp: at, Datacontenttype: events.ContentTypeJSON,
		Dataschema: dataSchema, Tenant: tenant,
	}
}

// clipOutputs returns the first files of all, in the order of their names.
func clipOutputs(all map[string][]events.File) (some map[string][]events.File, clipped bool) {
	left := maxOutputs
	for _, name := range slices.Sorted(maps.Keys(all)) {
		files := all[name]
		if len(files) > left {
			files, clipped = files[:left], true
		}
		if left -= len(files); len(files) > 0 || len(all[name]) == 0 {
			if some == nil {
				some = make(map[string][]events.File)
			}
			some[name] = files
		}
	}
	return some, clipped
}

// Body is the body of a notification as it is signed and sent.
func Body(n events.Notification) ([]byte, error) {
	body, err := json.Marshal(n)
	if err != nil {
		return nil, fault.New(fault.InternalBug, "encode a notification", err)
	}
	return body, nil
}
