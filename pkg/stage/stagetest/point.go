package stagetest

import (
	"fmt"
	"math/rand/v2"
)

// Calls that leave something behind.
const (
	verbAppend = "append"
	verbCommit = "commit"
	verbDelete = "delete"
	// verbEnd stands for the end of the run, when nobody hears the result.
	verbEnd = "end"
)

// point is a place between two calls of a process: before the n-th call of a kind,
// or after it, when the process has not seen the answer yet.
type point struct {
	verb  string
	n     int
	after bool
	note  string // what the call is about, for people
}

// same reports whether two points are one place.
func (p point) same(q point) bool { return p.verb == q.verb && p.n == q.n && p.after == q.after }

// String is "after append 3 (save), answer lost".
func (p point) String() string {
	if p.verb == verbEnd {
		return "after the last call, result lost"
	}
	call := fmt.Sprint(p.verb, " ", p.n)
	if p.note != "" {
		call += " (" + p.note + ")"
	}
	if p.after {
		return "after " + call + ", answer lost"
	}
	return "before " + call
}

// lasting reports whether the call leaves something behind.
func (p point) lasting() bool {
	return p.verb == verbAppend || p.verb == verbCommit || p.verb == verbDelete
}

// choose returns at most n places out of a sequence of calls, and the end: those
// around records first, then those around what is stored, then the others. Where
// there are too many, it takes an even sample.
func choose(calls []point, n int, rnd *rand.Rand) []point {
	var records, stored, others []point
	for _, p := range calls {
		after := p
		after.after = true
		switch {
		case p.verb == verbAppend:
			records = append(records, p, after)
		case p.lasting():
			stored = append(stored, p, after)
		default:
			others = append(others, p)
		}
	}
	n-- // for the end
	out := sample(records, n-min(n/3, len(stored)+len(others)), rnd)
	out = append(out, sample(stored, n-len(out)-min((n-len(out))/3, len(others)), rnd)...)
	out = append(out, sample(others, n-len(out), rnd)...)
	return append(out, point{verb: verbEnd})
}

// sample returns at most n of the points, one out of each of n equal parts.
func sample(points []point, n int, rnd *rand.Rand) []point {
	if len(points) <= n {
		return points
	}
	out := make([]point, 0, max(n, 0))
	for i := range n {
		from, to := i*len(points)/n, (i+1)*len(points)/n
		out = append(out, points[from+rnd.IntN(to-from)])
	}
	return out
}
