package telemetry

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Kind is what a family of metrics is.
type Kind string

// The kinds.
const (
	// Counter only grows, and begins at zero with the process.
	Counter Kind = "counter"
	// Gauge is what is so now.
	Gauge Kind = "gauge"
	// Histogram counts durations by their length.
	Histogram Kind = "histogram"
)

// Family is all series of one name.
type Family struct {
	Name   string
	Kind   Kind
	Help   string
	Labels []string

	buckets []float64 // upper bounds, of a histogram
}

// Families lists what a mill measures of itself, by name. What Go and the system say of
// a process comes besides.
func Families() []Family {
	all := slices.Concat(conductorFamilies(), stageFamilies(), httpFamilies(), webhookFamilies(), sightFamilies())
	slices.SortFunc(all, func(a, b Family) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Series are the names under which the family is asked for.
func (f Family) Series() []string {
	if f.Kind == Histogram {
		return []string{f.Name + "_bucket", f.Name + "_count", f.Name + "_sum"}
	}
	return []string{f.Name}
}

func (f Family) desc() *prometheus.Desc {
	return prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
}

// counter makes the counters of a family. Without labels there is one, which is there
// from the start.
func (f Family) counter(r *prometheus.Registry) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: f.Name, Help: f.Help}, f.Labels)
	if len(f.Labels) == 0 {
		v.WithLabelValues()
	}
	r.MustRegister(v)
	return v
}

// histogram makes the histograms of a family.
func (f Family) histogram(r *prometheus.Registry) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: f.Name, Help: f.Help, Buckets: f.buckets}, f.Labels)
	if len(f.Labels) == 0 {
		v.WithLabelValues()
	}
	r.MustRegister(v)
	return v
}

// Bounds of durations in seconds: of what a disk or a network does, and of what a
// stage or a whole job takes.
var (
	quick = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	slow  = []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60, 300, 900, 3600, 14400}
)
