package flow

import "github.com/millrace/millrace/events"

// tally says in which ways the steps of a job still move.
type tally struct{ pending, queued, retrying, attention bool }

func (c *change) tally() tally {
	var t tally
	for i := range c.plan.Steps {
		st := c.job.Steps[c.plan.Steps[i].ID]
		switch st.State {
		case events.StepPending:
			t.pending = true
		case events.StepQueued:
			t.queued = true
		case events.StepRetrying:
			t.retrying = true
		case events.StepAttention:
			t.attention = true
		}
		if st.Undo != nil && c.job.Goal == "" {
			t.undo(st.Undo.State)
		}
	}
	return t
}

// undo counts an undo of a job that goes on.
func (t *tally) undo(s events.UndoState) {
	switch s {
	case events.UndoQueued:
		t.queued = true
	case events.UndoRetrying:
		t.retrying = true
	case events.UndoAttention:
		t.attention = true
	}
}

// wake takes the job out of a state in which nothing is queued, because an input
// is about to change that.
func (c *change) wake() {
	switch {
	case c.job.State == events.JobAccepted:
		c.moveJob(JobStarted)
	case c.job.State == events.JobWaiting:
		c.moveJob(JobResumed)
	case c.job.State == events.JobAttention && c.job.Goal == "":
		c.moveJob(JobResumed)
	case c.job.State == events.JobAttention:
		c.moveJob(JobUndoResumed)
	}
}

// conclude says where the job stands now that its steps are settled.
func (c *change) conclude() {
	t := c.tally()
	switch {
	case t.queued:
	case c.job.Goal != "":
		c.unwind()
	case c.paused() && (t.pending || t.retrying || t.attention):
	case t.retrying:
		c.moveJob(JobIdle)
	case t.attention:
		c.moveJob(JobStuck)
	default:
		c.finish()
	}
}

// finish ends a job whose steps are all settled, none of them critically failed.
func (c *change) finish() {
	c.collectMissing()
	c.collectOutputs()
	if len(c.job.Missing) > 0 {
		c.end(JobEndedInPart)
		return
	}
	c.end(JobEnded)
}

// end takes the job to its final state.
func (c *change) end(on JobEvent) {
	c.moveJob(on)
	c.job.FinishedAt = c.now
	c.job.Goal = ""
}

// collectMissing lists the steps that gave no result, in plan order.
func (c *change) collectMissing() {
	for i := range c.plan.Steps {
		if id := c.plan.Steps[i].ID; !hasResult(c.job.Steps[id]) {
			c.job.Missing = append(c.job.Missing, id)
		}
	}
}

// collectOutputs names what the job leaves behind. An output that cannot be
// evaluated is missing from the outputs: Missing then has "outputs.<name>", and
// the job's fault is that of the first such output.
func (c *change) collectOutputs() {
	if len(c.plan.Outputs) == 0 {
		c.collectLeaves()
		return
	}
	outputs := make(map[string][]events.File, len(c.plan.Outputs))
	for _, o := range c.plan.Outputs {
		files, err := o.Value.Files(Facts{Job: &c.job})
		if err == nil {
			outputs[o.Name] = listed(files)
			continue
		}
		c.job.Missing = append(c.job.Missing, "outputs."+o.Name)
		if c.job.Fault == nil {
			c.job.Fault = Recorded(expressionFault("outputs."+o.Name, err))
		}
	}
	c.job.Outputs = outputs
}

// collectLeaves makes an output of every leaf step that gave a result.
func (c *change) collectLeaves() {
	needed := make(map[string]bool, len(c.plan.Steps))
	c.job.Outputs = make(map[string][]events.File, 1)
	for i := range c.plan.Steps {
		for _, need := range c.plan.Steps[i].Needs {
			needed[need] = true
		}
	}
	for i := range c.plan.Steps {
		id := c.plan.Steps[i].ID
		if st := c.job.Steps[id]; !needed[id] && hasResult(st) {
			c.job.Outputs[id] = listed(st.Files)
		}
	}
}

// listed makes sure that no files are an empty list in JSON and not null.
func listed(files []events.File) []events.File {
	if files == nil {
		return []events.File{}
	}
	return files
}
