package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
)

const (
	// calmReads is how many reads of a job make the figure without load.
	calmReads = 500
	// readEvery is how often a job is read under load, whether or not those before have
	// been answered.
	readEvery = 10 * time.Millisecond
	// settle is how long the jobs may take to end after the last submission.
	settle = 2 * time.Minute
)

// proof is the load, and what came of it.
type proof struct {
	time, limit     time.Duration
	followers, rate int
	client          *client.Client

	reader *reader
	reads  reads // under load

	mu     sync.Mutex
	failed []error

	submitted, seen, watched atomic.Int64
	sent                     atomic.Bool // nothing is submitted any more
	jobs                     chan string // for those who follow one job
}

func manyConnections() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost, t.MaxIdleConns = 1000, 1000
	return &http.Client{Transport: t}
}

// calm reads a job again and again while nothing else happens.
func (p *proof) calm(ctx context.Context) ([]time.Duration, error) {
	id, err := p.submit(ctx, "calm")
	if err != nil {
		return nil, err
	}
	if _, err := p.client.Wait(ctx, id); err != nil {
		return nil, err
	}
	var all []time.Duration
	for range calmReads {
		began := time.Now()
		if _, err := p.client.Job(ctx, id); err != nil {
			return nil, err
		}
		all = append(all, time.Since(began))
	}
	return all, nil
}

// load follows, submits and reads until the time is over and the jobs have ended.
func (p *proof) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.time+settle)
	defer cancel()
	p.jobs = make(chan string, p.followers)
	tenants := max(p.followers/10, 1)
	var all, begun sync.WaitGroup
	begun.Add(tenants)
	for range tenants {
		all.Go(func() { p.followAll(ctx, begun.Done) })
	}
	for range p.followers - tenants {
		all.Go(func() { p.followEach(ctx) })
	}
	begun.Wait()
	sending, stop := context.WithTimeout(ctx, p.time)
	defer stop()
	p.send(sending, ctx)
	p.sent.Store(true)
	if err := p.endReading(); err != nil {
		p.fail("read jobs", err)
	}
	close(p.jobs)
	// Those who have seen the end of all jobs already hear of it by one more.
	p.submitted.Add(1)
	if _, err := p.submit(ctx, "the last\n"); err != nil {
		p.fail("submit", err)
	}
	all.Wait()
	return errors.Join(p.failed...)
}

// fail notes what went wrong; the first few tell enough.
func (p *proof) fail(doing string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.failed) < 10 {
		p.failed = append(p.failed, fmt.Errorf("%s: %w", doing, err))
	}
}

func (p *proof) submit(ctx context.Context, text string) (string, error) {
	r, err := p.client.Submit(ctx, pipelineName, events.Submission{
		Files: []events.Source{{Name: "a.txt", Inline: []byte(text)}},
	})
	if err != nil {
		return "", err
	}
	return r.Job, nil
}

// send submits at the rate, however long an answer takes.
func (p *proof) send(sending, ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	began := time.Now()
	for n := 0; ; n++ {
		due := began.Add(time.Duration(n) * time.Second / time.Duration(p.rate))
		select {
		case <-sending.Done():
			return
		case <-time.After(time.Until(due)):
		}
		all.Go(func() {
			id, err := p.submit(ctx, fmt.Sprintf("job %d\n", n))
			if err != nil {
				p.fail("submit", err)
				return
			}
			p.submitted.Add(1)
			p.mu.Lock()
			if err := p.reader.name(id); err != nil {
				p.fail("name a job", err)
			}
			p.mu.Unlock()
			select {
			case p.jobs <- id:
			default: // everybody follows one
			}
		})
	}
}

// endReading takes what the reader has found.
func (p *proof) endReading() (err error) {
	if p.reads, err = p.reader.end(); err != nil {
		return err
	}
	for _, said := range p.reads.Failed {
		p.fail("read a job", errors.New(said))
	}
	return nil
}

// followEach follows one job after the other to its end.
func (p *proof) followEach(ctx context.Context) {
	for id := range p.jobs {
		ended := false
		for e, err := range p.client.Watch(ctx, id, 0) {
			if err != nil {
				p.fail("follow a job", err)
				break
			}
			ended = e.End != nil && e.End.State == events.JobCompleted
		}
		if !ended {
			p.fail("follow a job", errors.New(id+" did not complete"))
		}
		p.watched.Add(1)
	}
}

// followAll follows all jobs until the last one has ended.
func (p *proof) followAll(ctx context.Context, begun func()) {
	begin := sync.OnceFunc(begun)
	defer begin()
	var ended int64
	for e, err := range p.client.Events(ctx, client.EventQuery{Types: []string{"job.*"}}) {
		if err != nil {
			p.fail(fmt.Sprintf("follow all jobs, of which %d of %d have ended", ended, p.submitted.Load()), err)
			return
		}
		begin()
		p.seen.Add(1)
		if e.Type == "job.completed" {
			ended++
		}
		if p.over(ended) {
			return
		}
	}
}

// over reports whether nothing is submitted any more and so many jobs are all.
func (p *proof) over(ended int64) bool {
	return p.sent.Load() && ended >= p.submitted.Load()
}

// percentile is the value that a share of all do not exceed.
func percentile(all []time.Duration, share float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

// report prints the figures.
func (p *proof) report(calm []time.Duration, rss int64) error {
	for _, share := range []float64{0.5, 0.99} {
		before := percentile(calm, share)
		for _, under := range p.reads.each() {
			took := percentile(under.took, share)
			fmt.Printf("GET /v1/jobs/{id}, p%.0f: %s unloaded, %s under load, of %s (%.1f times; %d reads)\n",
				share*100, before.Round(time.Microsecond), took.Round(time.Microsecond), under.of,
				float64(took)/float64(max(before, 1)), len(under.took))
		}
	}
	fmt.Printf("%d jobs submitted, %.1f/s; %d followed one by one, %d events told to those who follow all\n",
		p.submitted.Load(), float64(p.submitted.Load())/p.time.Seconds(), p.watched.Load(), p.seen.Load())
	fmt.Printf("peak memory of the mill: %d MiB\n", rss>>20)
	if want := p.time.Seconds() * float64(p.rate); float64(p.submitted.Load()) < 0.95*want {
		return fmt.Errorf("%d jobs were submitted of %.0f: the machine is too slow for the rate", p.submitted.Load(), want)
	}
	for _, under := range p.reads.each() {
		if p99 := percentile(under.took, 0.99); p99 > p.limit {
			return fmt.Errorf("a read of %s takes %s under load, which is above %s", under.of, p99.Round(time.Microsecond), p.limit)
		}
	}
	fmt.Printf("\nno error, and reads are below %s: the promise is kept\n", p.limit)
	return nil
}

// each is what was read, and how long that took.
func (r reads) each() []readsOf {
	return []readsOf{{"the job submitted last", r.Newest}, {"any job", r.Any}}
}

type readsOf struct {
	of   string
	took []time.Duration
}
