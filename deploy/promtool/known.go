package promtool

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/pkg/telemetry"
)

// common are labels that Prometheus itself gives, and those of histograms.
var common = []string{"instance", "job", "le"}

// foreign are series of others that each process of a mill has, too.
var foreign = []string{"up", "process_start_time_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes", "go_goroutines"}

// Unknown returns complaints about an expression: metrics that no process of a mill has,
// and labels that none of its metrics have.
func Unknown(expr string) (complaints []string) {
	asked := Asks(expr)
	labels := slices.Clone(common)
	for _, name := range asked.Metrics {
		i := slices.IndexFunc(telemetry.Families(), func(f telemetry.Family) bool { return slices.Contains(f.Series(), name) })
		switch {
		case i >= 0:
			labels = append(labels, telemetry.Families()[i].Labels...)
		case !slices.Contains(foreign, name):
			complaints = append(complaints, fmt.Sprintf("there is no metric %s", name))
		}
	}
	for _, l := range asked.Labels {
		if !slices.Contains(labels, l) {
			complaints = append(complaints, fmt.Sprintf("there is no label %s", l))
		}
	}
	if len(asked.Metrics) == 0 {
		complaints = append(complaints, "it asks for no metric")
	}
	return complaints
}
