package events

// WholeJob stands for the step in timers that are about the job as a whole.
const WholeJob = "-"

// LimitSubject is where the timer of a limit waits: that of a step under
// millrace.timer.<tenant>.<job>.<step>~total, that of the job under ~deadline. No
// step can have such a name.
func LimitSubject(tenant, job, step string, limit Limit) string {
	return subject("timer", tenant, job, limitToken(step, limit))
}

// LimitID is the id of the timer of a limit: <tenant>/<job>/<step>~total, or
// ~deadline.
func LimitID(tenant, job, step string, limit Limit, reissue int) string {
	return reissued(tenant+"/"+job+"/"+limitToken(step, limit), reissue)
}

// TimersOf matches all timers of a job.
func TimersOf(tenant, job string) string { return subject("timer", tenant, job, "*") }

func limitToken(step string, limit Limit) string {
	if step == WholeJob {
		step = ""
	}
	return step + "~" + string(limit)
}
