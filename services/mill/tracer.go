package mill

import (
	"context"
	"time"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/tracing"
)

// lastSpans is how long a mill that has stopped tries to send the spans that are left.
const lastSpans = 2 * time.Second

// openTracer opens what spans are sent by, if they are wanted. Nobody need be there to
// take them.
func (m *Mill) openTracer(ctx context.Context) (end func(), err error) {
	if m.Traces == nil {
		return func() {}, nil
	}
	o := *m.Traces
	o.Worker, o.Log = m.Worker, m.Log.With("part", "tracing")
	if m.tracer, err = tracing.Open(ctx, o); err != nil {
		return nil, fault.New(fault.MillBadConfig, "send spans", err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSpans)
		defer cancel()
		if err := m.tracer.Close(ctx); err != nil {
			m.Log.Warn("the last spans could not be sent", "error", err)
		}
	}, nil
}
