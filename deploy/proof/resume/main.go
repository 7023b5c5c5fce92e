// Command resume proves that a large job that is killed again and again goes on where it
// was: one file through fetch, hash, compress, encrypt and publish-s3, on a mill
// that is killed with -9 at random moments, beside the same file on one that is
// left alone.
//
//	go run ./deploy/proof/resume [-size 1024] [-kills 20] [-seed N]
//
// It prints how long both took, what the mill read of files and sockets beyond the
// undisturbed run, per kill, and what the events say of each resumption; and it
// fails when the object in the bucket is not the undisturbed one after decryption,
// when more than one checkpoint interval was read again per kill, beyond the little
// that a start reads that has nothing to go on with, or when an unfinished upload is
// left.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"filippo.io/age"

	"github.com/millrace/millrace/deploy/proof/rig"
	"github.com/millrace/millrace/deploy/s3test/server"
)

// interval is the checkpoint interval of the mill, in bytes: its default.
const interval = 16 << 20

func main() {
	rig.Main()
	size := flag.Int64("size", 1024, "MiB of the file")
	kills := flag.Int("kills", 20, "how often the mill is killed")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the moments")
	flag.Parse()
	if err := prove(context.Background(), *size<<20, *kills, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "resume:", err)
		os.Exit(1)
	}
}

// prove runs both jobs and compares them.
func prove(ctx context.Context, size int64, kills int, seed uint64) (err error) {
	fmt.Printf("%d MiB through fetch, hash, compress, encrypt and publish-s3; %d kills, seed %d\n\n", size>>20, kills, seed)
	dir, err := os.MkdirTemp("", "millrace-proof-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	input := filepath.Join(dir, "input.csv")
	if err := rig.Generate(input, size); err != nil {
		return err
	}
	source, err := rig.Serve(input)
	if err != nil {
		return err
	}
	defer source.Close()
	s3, err := server.Start(ctx, server.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s3.Close()) }()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	p := proof{
		dir: dir, source: source, s3: s3, identity: identity, random: rand.New(rand.NewPCG(seed, 0)),
	}
	calm, err := p.run(ctx, "calm", nil)
	if err != nil {
		return fmt.Errorf("undisturbed: %w", err)
	}
	rough, err := p.run(ctx, "rough", p.lives(calm.read, kills))
	if err != nil {
		return fmt.Errorf("killed: %w", err)
	}
	if rough.kills < kills {
		return fmt.Errorf("the job was done after %d kills", rough.kills)
	}
	return report(calm, rough, size)
}

// lives draws moments of the work at random, by what is read until then, and returns
// how much is read in between. A life that has read as much has done no more than
// that, so the work is not over before the last of them.
func (p *proof) lives(read int64, kills int) []int64 {
	at := make([]int64, kills)
	for i := range at {
		at[i] = p.random.Int64N(read)
	}
	slices.Sort(at)
	for i := len(at) - 1; i > 0; i-- {
		at[i] -= at[i-1]
	}
	return at
}

// report prints both runs and says whether the promise was kept.
func report(calm, rough outcome, size int64) error {
	fmt.Printf("\n%-34s %12s %12s\n", "", "undisturbed", "killed")
	fmt.Printf("%-34s %12s %12s   %.2f times\n", "time, restarts included",
		calm.took.Round(time.Millisecond), rough.took.Round(time.Millisecond), rough.took.Seconds()/calm.took.Seconds())
	fmt.Printf("%-34s %12d %12d\n", "kills", calm.kills, rough.kills)
	fmt.Printf("%-34s %12d %12d\n", "resumptions in the events", calm.resumed, rough.resumed)
	fmt.Printf("%-34s %12.1f %12.1f\n", "MiB read by the mill", mib(calm.read), mib(rough.read))
	fmt.Printf("%-34s %12.1f %12.1f\n", "MiB served to fetch", mib(calm.served), mib(rough.served))
	more, start := float64(rough.read-calm.read)/float64(max(rough.kills, 1)), float64(min(calm.idle, rough.idle))
	again := more - start
	fmt.Printf("%-34s %12s %12.1f\n", "MiB read more per kill", "", more/(1<<20))
	fmt.Printf("%-34s %12.1f %12.1f\n", "  of it by any start, without work", mib(calm.idle), mib(rough.idle))
	fmt.Printf("%-34s %12s %12.1f   of %d at most\n", "  of it again", "", again/(1<<20), interval>>20)
	fmt.Printf("%-34s %12s %12s\n", "digest of the decrypted object", short(calm.digest), short(rough.digest))
	switch {
	case calm.digest != rough.digest || calm.size != rough.size:
		return errors.New("the objects differ")
	case again > interval:
		return fmt.Errorf("%.1f MiB were read again per kill", again/(1<<20))
	case len(calm.uploads)+len(rough.uploads) > 0:
		return fmt.Errorf("unfinished uploads are left: %v %v", calm.uploads, rough.uploads)
	}
	fmt.Printf("\nevery promise was kept: %d bytes came out the same\n", size)
	return nil
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

func short(digest string) string { return digest[:min(len(digest), 12)] }
