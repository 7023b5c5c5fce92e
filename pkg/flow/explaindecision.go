package flow

import "github.com/millrace/millrace/events"

// asking adds to what is said of a place which decision is open about it, by when,
// and what is done when nobody has decided.
func (x *explaining) asking(d *events.DecisionRecord, r *Reason) {
	if d == nil {
		return
	}
	r.Next += ": decision " + d.ID + " is due at " + clock(d.DueAt)
	switch {
	case d.Default == events.ChooseRemind:
		r.Next += ", and is then asked again"
	case x.job.State == events.JobPaused:
		r.Next += ", and is then asked again, because the job is paused"
	default:
		r.Until = d.DueAt
		r.Next += ", and the default is then to " + string(d.Default)
	}
}
