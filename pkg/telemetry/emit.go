package telemetry

import "github.com/prometheus/client_golang/prometheus"

// emitter turns a sight into metrics.
type emitter struct {
	out                     chan<- prometheus.Metric
	pipelines, dependencies *bound
}

func (e *emitter) gauge(f Family, value float64, labels ...string) {
	e.out <- prometheus.MustNewConstMetric(f.desc(), prometheus.GaugeValue, value, labels...)
}

func (e *emitter) emit(s *Sight) {
	for _, c := range s.Connections {
		e.gauge(brokerConnected, number(c.Up), c.Part)
	}
	for _, c := range s.Consumers {
		e.consumer(c)
	}
	for _, r := range s.Stages {
		e.gauge(stageRunning, float64(r.Tasks), r.Stage)
		e.gauge(stageSlots, float64(r.Slots), r.Stage)
	}
	e.jobs(s.Jobs)
	e.breakers(s.Breakers)
	for _, d := range s.Disks {
		e.gauge(diskFree, float64(d.Free), d.Name)
		e.gauge(diskSize, float64(d.Size), d.Name)
	}
	if s.DiskLevel != nil {
		e.gauge(diskLevel, float64(*s.DiskLevel))
	}
	if d := s.DeadLetters; d != nil {
		e.out <- prometheus.MustNewConstMetric(deadLetters.desc(), prometheus.CounterValue, float64(d.Ever))
		e.gauge(deadLettersKept, float64(d.Kept))
	}
	if v := s.View; v != nil {
		e.gauge(viewLagRecords, float64(v.Records))
		e.gauge(viewLagSeconds, v.Seconds)
		e.gauge(viewStale, number(v.Stale))
	}
	if g := s.Gateway; g != nil {
		e.gauge(httpFollowers, float64(g.Followers))
		e.gauge(httpUploads, float64(g.Uploads))
	}
}

func (e *emitter) consumer(c Consumer) {
	e.gauge(consumerPending, c.Pending, c.Name)
	e.gauge(consumerInFlight, c.InFlight, c.Name)
	e.gauge(consumerRedelivered, c.Redelivered, c.Name)
	e.gauge(consumerOldest, c.Oldest.Seconds(), c.Name)
	e.gauge(consumerServed, number(c.Served), c.Name)
}

// jobs adds up those of pipelines that share a label.
func (e *emitter) jobs(all []Jobs) {
	type place struct{ pipeline, state string }
	sums := make(map[place]int64)
	for _, j := range all {
		sums[place{e.pipelines.of(j.Pipeline), j.State}] += j.Count
	}
	for p, n := range sums {
		e.gauge(jobsNow, float64(n), p.pipeline, p.state)
	}
}

// breakers shows the worst of those dependencies that share a label.
func (e *emitter) breakers(all []Breaker) {
	worst := make(map[string]int)
	for _, b := range all {
		label := e.dependencies.of(b.Dependency)
		worst[label] = max(worst[label], b.State)
	}
	for label, state := range worst {
		e.gauge(breakerState, float64(state), label)
	}
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
