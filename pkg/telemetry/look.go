package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// lookTimeout bounds the looks of one scrape, all together.
	lookTimeout = 3 * time.Second
	// lookAgain is how old a sight may be: many who ask cost no more than one.
	lookAgain = time.Second
)

// Look adds a look that is taken when somebody asks for the metrics, at most once a
// second: it fills in its part of the sight, before ctx ends. One that fails is left out,
// and told of by its name in millrace_look_failed.
func (m *Metrics) Look(what string, look func(ctx context.Context, s *Sight) error) {
	m.sights.mu.Lock()
	defer m.sights.mu.Unlock()
	m.sights.looks = append(m.sights.looks, oneLook{what, look})
	m.sights.at = time.Time{}
}

type oneLook struct {
	what string
	look func(context.Context, *Sight) error
}

// sights is the collector of what is so at a moment.
type sights struct {
	pipelines, dependencies *bound
	build                   prometheus.Metric

	mu     sync.Mutex
	looks  []oneLook
	at     time.Time
	last   Sight
	failed map[string]bool
}

func newSights(pipelines *bound) *sights {
	return &sights{pipelines: pipelines, dependencies: newBound(mostDependencies)}
}

// Describe tells the registry of all families.
func (s *sights) Describe(out chan<- *prometheus.Desc) {
	for _, f := range sightFamilies() {
		out <- f.desc()
	}
}

// Collect looks and tells what was seen.
func (s *sights) Collect(out chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.at) >= lookAgain {
		s.take()
	}
	e := &emitter{out: out, pipelines: s.pipelines, dependencies: s.dependencies}
	e.emit(&s.last)
	for what, failed := range s.failed {
		e.gauge(lookFailed, number(failed), what)
	}
	out <- s.build
}

// take looks at everything. The caller holds mu.
func (s *sights) take() {
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	s.last, s.failed = Sight{}, make(map[string]bool, len(s.looks))
	for _, l := range s.looks {
		s.failed[l.what] = l.look(ctx, &s.last) != nil
	}
	s.at = time.Now()
}
