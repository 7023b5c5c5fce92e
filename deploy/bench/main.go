// Command bench measures Millrace against the limit of the broker it stands on,
// and against a hand-written chain of handlers, side by side in one run.
//
//	go run ./deploy/bench           # jobs per second and latency of five steps
//	go run ./deploy/bench -bytes    # throughput and memory on large files
//	go run ./deploy/bench -cancel   # how long a cancel takes to reach what runs
//
// Every figure is printed with its ratio to the baseline of the same run: the
// machine's speed drops out of a ratio, and never out of a figure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"time"
)

// hops is how many steps a job has in every contender.
const hops = 5

// settings is one row of the matrix.
type settings struct {
	// tcp puts the broker into a process of its own; otherwise it is embedded.
	tcp bool
	// always syncs every write to disk.
	always bool
}

func (s settings) String() string {
	where, sync := "embedded", "relaxed"
	if s.tcp {
		where = "tcp"
	}
	if s.always {
		sync = "always"
	}
	return fmt.Sprintf("%-8s  sync %-7s", where, sync)
}

// load is how much is measured.
type load struct {
	jobs, inFlight, single int
}

// contender runs jobs of five steps.
type contender interface {
	// start submits job number n; done is called, once, when it has ended.
	start(ctx context.Context, n int) error
	// stored is how many messages it has stored so far in streams that are
	// synced to disk, where syncing is on.
	stored(ctx context.Context) (uint64, error)
	// close stops it.
	close() error
}

// opener makes a contender that calls done with the number of each job that ended.
type opener struct {
	name string
	open func(ctx context.Context, s settings, dir string, done func(n int)) (contender, error)
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == brokerCommand {
		os.Exit(brokerMain(os.Args[2]))
	}
	if len(os.Args) == 3 && os.Args[1] == millCommand {
		os.Exit(millMain(os.Args[2]))
	}
	bytes := flag.Bool("bytes", false, "measure large files instead of many jobs")
	cancel := flag.Bool("cancel", false, "measure cancels of running steps instead")
	cancels := flag.Int("cancels", 200, "jobs that are cancelled, with -cancel")
	size := flag.Int64("size", 1<<30, "size of the large file, in bytes, with -bytes")
	jobs := flag.Int("jobs", 6000, "jobs per run at saturation")
	single := flag.Int("single", 400, "jobs run one at a time for the latency")
	inFlight := flag.Int("in-flight", 512, "jobs in flight at saturation")
	only := flag.String("only", "", "run one contender: limit, chain or millrace")
	matrix := flag.String("matrix", "all", "all, or one row: embedded-always, embedded-relaxed, tcp-always, tcp-relaxed")
	profile := flag.String("cpuprofile", "", "write a profile of this process to a file")
	flag.Parse()
	if *profile != "" {
		end, err := startProfile(*profile)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench: error:", err)
			os.Exit(1)
		}
		defer end()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case *bytes:
		err = measureBytes(ctx, *size)
	case *cancel:
		err = measureCancel(ctx, max(*cancels, 1))
	default:
		err = measureJobs(ctx, load{*jobs, *inFlight, *single}, *only, *matrix)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

// startProfile profiles the processor until end is called.
func startProfile(path string) (end func(), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}

// rows of the matrix, by name.
func rows(name string) []settings {
	all := map[string]settings{
		"embedded-always": {false, true}, "embedded-relaxed": {false, false},
		"tcp-always": {true, true}, "tcp-relaxed": {true, false},
	}
	if s, ok := all[name]; ok {
		return []settings{s}
	}
	return []settings{{false, true}, {false, false}, {true, true}, {true, false}}
}

func measureJobs(ctx context.Context, l load, only, matrix string) error {
	fmt.Printf("%d jobs of %d steps, %d in flight at saturation; %d jobs one at a time\n\n", l.jobs, hops, l.inFlight, l.single)
	fmt.Printf("%-24s  %-10s %10s %7s %10s %7s %10s %10s %10s\n", "broker", "contender", "jobs/s", "ratio", "p50", "ratio", "p99", "cpu/job", "stored/job")
	for _, s := range rows(matrix) {
		var limit result
		for _, o := range []opener{{"limit", openLimit}, {"chain", openChain}, {"millrace", openMill}} {
			if only != "" && only != o.name {
				continue
			}
			r, err := measure(ctx, o, s, l)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", s, o.name, err)
			}
			if o.name == "limit" {
				limit = r
			}
			r.print(s, o.name, limit)
		}
	}
	return nil
}

// result is what a run came to.
type result struct {
	rate     float64
	p50, p99 time.Duration
	// cpu is processor time, and stored are messages in synced streams, per job.
	cpu    time.Duration
	stored float64
}

func (r result) print(s settings, name string, limit result) {
	ratio := func(a, b float64) string {
		if b == 0 {
			return "-"
		}
		return fmt.Sprintf("%.2f", a/b)
	}
	fmt.Printf("%-24s  %-10s %10.0f %7s %10s %7s %10s %10s %10.1f\n", s, name, r.rate, ratio(r.rate, limit.rate),
		r.p50.Round(time.Microsecond), ratio(float64(r.p50), float64(limit.p50)), r.p99.Round(time.Microsecond),
		r.cpu.Round(time.Microsecond), r.stored)
}
