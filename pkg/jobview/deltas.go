package jobview

import (
	"math"
	"strconv"
)

// Kinds of counts: how many jobs are in a state, and how many have a fault.
const (
	countState = "state"
	countFault = "fault"
)

// Kinds of what is tallied by the hour.
const (
	tallyAccepted  = "accepted"
	tallyFinished  = "finished"  // by state, with the time it took
	tallyFailed    = "failed"    // by fault
	tallyRecovered = "recovered" // by the time it took
	tallyGivenUp   = "given_up"  // the same
)

const hourMillis = 3_600_000

type countKey struct{ tenant, kind, pipeline, name string }

type tallyKey struct {
	tenant, kind   string
	hour           int64
	pipeline, name string
}

// tallied is how often something happened in an hour, the sum of what was measured,
// and when it happened last.
type tallied struct{ n, total, last int64 }

// deltas are changes of numbers.
type deltas struct {
	counts  map[countKey]int64
	tallies map[tallyKey]tallied
}

func newDeltas() *deltas {
	return &deltas{counts: make(map[countKey]int64), tallies: make(map[tallyKey]tallied)}
}

// count adds or takes away what a row stands for.
func (d *deltas) count(r *row, n int64) {
	d.counts[countKey{r.tenant, countState, r.pipeline, string(r.state)}] += n
	for _, f := range r.faults {
		d.counts[countKey{r.tenant, countFault, r.pipeline, f.code + " " + f.class}] += n
	}
}

func (d *deltas) tally(tenant, kind string, at int64, pipeline, name string, measured int64) {
	k := tallyKey{tenant, kind, at / hourMillis, pipeline, name}
	t := d.tallies[k]
	d.tallies[k] = tallied{t.n + 1, t.total + max(measured, 0), max(t.last, at)}
}

// stepsPerDouble is how finely times are told apart: four steps each time they
// double.
const stepsPerDouble = 4

// bucketName names the bucket of a time in milliseconds.
func bucketName(ms int64) string {
	return strconv.Itoa(int(stepsPerDouble * math.Log2(float64(max(ms, 0)+1))))
}

// bucketTime is a time in milliseconds from the middle of a bucket.
func bucketTime(bucket int) float64 {
	return math.Exp2((float64(bucket)+0.5)/stepsPerDouble) - 1
}
