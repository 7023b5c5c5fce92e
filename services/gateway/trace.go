package gateway

import (
	"context"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/tracing"
)

// submit hands a submission in. Where spans are kept, that is one: of the trace that the
// client has begun, or of the one that the job would have by itself.
func (g *Gateway) submit(ctx context.Context, route string, s submission) (events.Receipt, error) {
	if g.Tracer == nil {
		return g.intake.submit(ctx, s)
	}
	began, given := time.Now(), s.traceparent
	job := events.JobID(s.tenant, s.key)
	at := tracing.Job(s.tenant, job, given).Child()
	s.traceparent = at.String()
	receipt, err := g.intake.submit(ctx, s)
	g.Tracer.Submitted(tracing.Submission{
		Tenant: s.tenant, Job: job, Pipeline: s.pipeline, Route: route, At: at, Given: given, Began: began, Err: err,
	})
	return receipt, err
}
