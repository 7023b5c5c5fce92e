package pipeline

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/pkg/flow"
)

// describePlan writes what a file was compiled to.
func describePlan(d *Definition) string {
	var b strings.Builder
	fmt.Fprintf(&b, "pipeline %s\n", d.Name)
	for _, s := range d.Plan.Steps {
		fmt.Fprintf(&b,
			"%s: %s needs %v when %t with %t timeout %s retry %+v critical %t compensable %t fetches %t",
			s.ID, s.Stage, s.Needs, s.When != nil, s.With != nil, s.Timeout, s.Retry, s.Critical, s.Compensable, s.Fetches)
		if s.Irreversible {
			b.WriteString(" irreversible")
		}
		if s.StallLimit+s.QueueLimit+s.TotalLimit > 0 {
			fmt.Fprintf(&b, " stall %s queue %s total %s", s.StallLimit, s.QueueLimit, s.TotalLimit)
		}
		if s.Attention != (flow.Attention{}) {
			fmt.Fprintf(&b, " attention %s %q", s.Attention.Due, s.Attention.Default)
		}
		b.WriteByte('\n')
	}
	if d.Plan.Deadline > 0 {
		fmt.Fprintf(&b, "deadline %s\n", d.Plan.Deadline)
	}
	for _, o := range d.Plan.Outputs {
		fmt.Fprintf(&b, "output %s\n", o.Name)
	}
	if d.ParamsSchema != nil {
		fmt.Fprintf(&b, "params %s\n", d.ParamsSchema)
	}
	return b.String()
}
