package flow

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Replay makes a job again from its records: it applies every input to the state
// before, at the recorded time and with the recorded random number, and returns
// the last state. No records give the zero Job.
//
// Fault: internal.bug, naming the revision, when the revisions do not count from
// 1 without gaps, when an input changes nothing or is refused, or when type,
// step, attempt, what is due or the state after differ from the record by a byte
// of JSON.
func Replay(p *Plan, records []events.Record) (events.Job, error) {
	var j events.Job
	for i := range records {
		rec := &records[i]
		if rec.Revision != uint64(i)+1 {
			return j, unfit(rec, "it stands at place "+strconv.Itoa(i+1), nil)
		}
		t, err := Apply(p, j, rec.Input, Env{Now: rec.Time, Entropy: rec.Entropy})
		if err != nil {
			return j, unfit(rec, "its input is refused", err)
		}
		if !t.Changed {
			return j, unfit(rec, "its input changes nothing", nil)
		}
		if what, err := differ(t, rec); what != "" || err != nil {
			return j, unfit(rec, what, err)
		}
		j = t.Job
	}
	return j, nil
}

func unfit(rec *events.Record, why string, cause error) error {
	return fault.New(fault.InternalBug, "replay record "+strconv.FormatUint(rec.Revision, 10)+
		" of job "+rec.Job.ID+": "+why, cause)
}

// differ returns what of a record is not as the transition says.
func differ(t Transition, rec *events.Record) (string, error) {
	if rec.Cause != "" && rec.Cause != t.Cause { // older records say none
		return "it is caused by " + rec.Cause + " where replay gives " + t.Cause, nil
	}
	if t.Type != rec.Type || t.Step != rec.Step || t.Attempt != rec.Attempt {
		return "it is " + rec.Type + " where replay gives " + t.Type, nil
	}
	same, err := sameJSON(t.Due, rec.Due)
	if err != nil || !same {
		return "what is due differs", err
	}
	same, err = sameJSON(t.Job, rec.Job)
	if err != nil || !same {
		return "the state after differs", err
	}
	return "", nil
}

func sameJSON(a, b any) (bool, error) {
	x, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	y, err := json.Marshal(b)
	return bytes.Equal(x, y), err
}
