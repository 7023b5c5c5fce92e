package mill_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/deploy/proof/faultproxy"
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/mill"
)

const (
	outageWorkers  = 10
	outageSlots    = 2
	outageFailures = 2
)

// caller is a worker of its own that fetches files, and how often it has found nobody
// there.
type caller struct {
	*world
	mu     sync.Mutex
	failed int // calls in vain, since one was not
	probes int // that failed
}

// changed is told what becomes of the one circuit that a caller has.
func (c *caller) changed(ch breaker.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = max(c.failed, ch.Failures)
	if ch.From == breaker.HalfOpen && ch.To == breaker.Open {
		c.probes++
	}
}

func (c *caller) count() (calls, probes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed, c.probes
}

// outage is ten workers, each a mill of its own, and a host that files are fetched
// from, behind a proxy that can take it away.
type outage struct {
	*world
	*faultproxy.Proxy
	client  *client.Client
	callers []*caller
	asked   atomic.Int32 // requests that the host has seen
	given   []string
}

func newOutage(t *testing.T) *outage {
	t.Helper()
	o := &outage{}
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		o.asked.Add(1)
		_, _ = w.Write([]byte("content"))
	}))
	t.Cleanup(host.Close)
	var err error
	if o.Proxy, err = faultproxy.New(strings.TrimPrefix(host.URL, "http://")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	o.world = newWorld(t, func(c *mill.Config) {
		open(c)
		c.HTTPAddr, c.Roles = "127.0.0.1:0", []string{mill.RoleConductor, mill.RoleGateway}
	})
	if o.client, err = client.New(client.Config{Server: o.mill.HTTPURL()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.client.Close() })
	for i := range outageWorkers {
		o.callers = append(o.callers, o.newCaller(fmt.Sprint("worker-", i)))
	}
	o.apply("get", "    - { id: get, uses: fetch@1, retry: { maxAttempts: 1 } }\n")
	return o
}

// newCaller starts one more worker.
func (o *outage) newCaller(name string) *caller {
	o.t.Helper()
	w := &caller{}
	w.world = newWorld(o.t, func(c *mill.Config) {
		c.Worker, c.NATSURL, c.ArtifactDir = name, o.mill.BrokerURL(), o.cfg.DataDir+"/artifacts"
		c.Roles, c.Slots, c.AllowPrivateNetworks = []string{"stage:fetch"}, outageSlots, true
		c.Breakers = breaker.New(breaker.Options{
			Kinds:    map[string]breaker.Settings{"http": {Failures: outageFailures, Open: time.Second, Timeout: -1}},
			OnChange: w.changed,
		})
	})
	return w
}

// give hands in jobs that need the host.
func (o *outage) give(n int) {
	o.t.Helper()
	for range n {
		key := fmt.Sprint("j", len(o.given))
		o.given = append(o.given, o.accepted("get", events.Submission{
			Key: key, Files: []events.Source{{Name: "a.txt", URL: "http://" + o.Addr() + "/" + key}},
		}))
	}
}

// done waits until all jobs are completed, and returns how many attempts they took.
// None has burned one: its budget had no second.
func (o *outage) done() (attempts int) {
	o.t.Helper()
	for _, job := range o.given {
		j := o.final(job)
		get := j.Steps["get"]
		if j.State != events.JobCompleted || get.Spent != 0 {
			o.t.Errorf("job %s ended as %s and has spent %d attempts: %+v", job, j.State, get.Spent, j.Fault)
		}
		attempts += get.Attempt
	}
	return attempts
}

// words are what the workers say of the host, as everybody can read.
func (o *outage) words() map[events.BreakerState]int {
	o.t.Helper()
	list, err := o.client.Breakers(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	count := map[events.BreakerState]int{}
	for _, b := range list {
		if b.Dependency != "http:"+o.Addr() || b.State == events.BreakerOpen && b.Reason != string(fault.FetchUnreachable) {
			o.t.Fatalf("a worker says %+v", b)
		}
		count[b.State]++
	}
	return count
}

// until waits until something is so.
func (o *outage) until(what string, so func() bool) {
	o.t.Helper()
	for range 6000 {
		if so() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	o.t.Fatalf("it never came to it that %s; the workers say %v", what, o.words())
}

// tried adds up what the workers have tried in vain.
func (o *outage) tried() (calls, probes int) {
	for _, w := range o.callers {
		c, p := w.count()
		calls, probes = calls+c, probes+p
	}
	return calls, probes
}

// TestTenWorkersWholeAndAnOutage: a host that all jobs need goes away and comes back.
// Ten workers, each a mill of its own, leave it alone but for single probes, burn no
// attempt, and tell each other; when it is back everything gets done.
func TestTenWorkersWholeAndAnOutage(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	const before, during, after = 20, 40, 10
	o.give(before)
	o.done()
	if err := o.Inject(faultproxy.Fault{Kind: faultproxy.Down}); err != nil {
		t.Fatal(err)
	}
	o.give(during)
	o.until("several workers say that the host is gone, and have probed it", func() bool {
		_, probes := o.tried()
		return probes >= outageWorkers && o.words()[events.BreakerOpen] >= 2
	})
	if n := o.asked.Load(); n != before {
		t.Errorf("the host was asked %d times before it went, want %d", n, before)
	}
	if err := o.Heal(); err != nil {
		t.Fatal(err)
	}
	o.give(after)
	attempts := o.done()
	calls, probes := o.tried()
	t.Logf("%d jobs took %d attempts; while the host was away it was tried %d times, of which %d were probes",
		len(o.given), attempts, calls, probes)

	// Each file is fetched once, and each attempt in vain was seen by nobody else.
	if n := int(o.asked.Load()); n != before+during+after {
		t.Errorf("the host was asked %d times, want %d", n, before+during+after)
	}
	// A worker finds out with what it has in hand, and then with one probe for each
	// time that its circuit was open. All other attempts ended without a call.
	if most := outageWorkers*(outageFailures-1+outageSlots) + probes; calls > most {
		t.Errorf("a host that was away was tried %d times, want at most %d", calls, most)
	}
	o.until("a worker says that the host is back", func() bool { return o.words()[events.BreakerClosed] > 0 })
}
