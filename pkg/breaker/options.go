package breaker

import (
	"cmp"
	"strings"
	"time"
)

// Settings tune the circuit of one dependency. A zero field means that of the
// [Options].
type Settings struct {
	// Failures is how many calls in a row fail before the circuit opens. Zero
	// means 5.
	Failures int
	// Open is how long an open circuit refuses all calls. Zero means 15 seconds.
	Open time.Duration
	// Probes is how many calls are let through at once after that; when as many
	// have succeeded in a row the circuit closes, and when one fails it opens
	// again. Zero means 1.
	Probes int
	// Timeout bounds each call. Zero means 30 seconds, negative means no bound,
	// for calls that have a limit of their own.
	Timeout time.Duration
	// Probe bounds how long a probe counts as one: then it has failed, whatever
	// becomes of the call, which goes on. So no call keeps a circuit half open,
	// also not where Timeout is negative. Zero means a minute.
	Probe time.Duration
	// Share is the part of the calls within Window, 0 to 1, whose failure opens
	// the circuit too, once there were Least of them. Zero means that only
	// failures in a row count.
	Share  float64
	Least  int
	Window time.Duration
}

// Options tunes the circuits of a [Registry]. The zero value is right for
// dependencies that answer within seconds.
type Options struct {
	// Failures, Open, Probes, Timeout and Probe are those of [Settings] for all
	// dependencies without a kind.
	Failures int
	Open     time.Duration
	Probes   int
	Timeout  time.Duration
	Probe    time.Duration
	// Kinds are the settings of the dependencies whose name starts with a word
	// and a colon: "s3" for "s3:backup". See [Kinds].
	Kinds map[string]Settings
	// Limit is how many circuits are kept. Beyond it the one that was not used
	// for longest is forgotten, a closed one if there is one. Zero means 1024.
	Limit int
	// OnChange is told of every change of a circuit, in order, one at a time, by
	// one of the goroutines that use the registry. It must be quick; it may use
	// the registry. Nil tells nobody. See also [Registry.Observe].
	OnChange func(Change)
}

// Kinds returns the settings of the dependencies that the stages of this module
// name. The map is the caller's.
//
//	kind   what it is             opens after                     for    probes
//	clamd  a virus scanner, slow  3 failures in a row             10 s   1
//	s3     an object store        5 in a row, or half of 20       15 s   3
//	                              within a minute
//	http   a host                 5 failures in a row             60 s   1
//
// Requests to hosts and object stores have limits of their own, which end when
// nothing moves, so none is set for them here.
func Kinds() map[string]Settings {
	return map[string]Settings{
		"clamd": {Failures: 3, Open: 10 * time.Second, Probes: 1, Timeout: 2 * time.Minute},
		"s3": {
			Failures: 5, Open: 15 * time.Second, Probes: 3, Timeout: -1,
			Share: 0.5, Least: 20, Window: time.Minute,
		},
		"http": {Failures: 5, Open: time.Minute, Probes: 1, Timeout: -1},
	}
}

// of returns the settings of a dependency, without zero fields but those of the
// share.
func (o Options) of(dependency string) Settings {
	kind, _, _ := strings.Cut(dependency, ":")
	s := o.Kinds[kind]
	s.Failures = cmp.Or(max(s.Failures, 0), max(o.Failures, 0), 5)
	s.Open = cmp.Or(max(s.Open, 0), max(o.Open, 0), 15*time.Second)
	s.Probes = cmp.Or(max(s.Probes, 0), max(o.Probes, 0), 1)
	s.Timeout = cmp.Or(s.Timeout, o.Timeout, 30*time.Second)
	s.Probe = cmp.Or(max(s.Probe, 0), max(o.Probe, 0), time.Minute)
	if s.Share <= 0 || s.Window <= 0 {
		s.Share, s.Window = 0, 0
	}
	return s
}
