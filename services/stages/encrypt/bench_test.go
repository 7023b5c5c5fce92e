package encrypt_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/minio/sio"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/encrypt"
)

// BenchmarkEncrypt compares the stage, from store to store, with sio alone, which
// reads from memory and writes nowhere, and with a copy within the store, which is
// what a stage that did nothing would cost. ratio is the stage's speed divided by
// that of the copy.
func BenchmarkEncrypt(b *testing.B) {
	const size = 64 << 20
	d, err := fsstore.New(b.TempDir(), &fsstore.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	store := artifact.New(d, nil)
	defer store.Close()
	in, err := store.Put(b.Context(), stagetest.Content{Name: "x", Size: size}.Reader(), nil)
	if err != nil {
		b.Fatal(err)
	}
	st := encrypt.New(encrypt.Options{})
	config := to(identity(b).Recipient())
	var alone, copied, staged time.Duration
	b.SetBytes(size)
	for n := 0; b.Loop(); n++ {
		alone += took(func() error {
			w, err := sio.EncryptWriter(io.Discard, sio.Config{Key: make([]byte, 32), CipherSuites: []byte{sio.AES_256_GCM}})
			if err != nil {
				return err
			}
			buf := make([]byte, 1<<20)
			for range size / len(buf) {
				if _, err := w.Write(buf); err != nil {
					return err
				}
			}
			return w.Close()
		}, b)
		copied += took(func() error { return duplicate(b.Context(), store, in, n) }, b)
		staged += took(func() error { return once(b.Context(), st, store, in, config, n) }, b)
	}
	speed := func(d time.Duration) float64 { return size * float64(b.N) / 1e6 / d.Seconds() }
	b.ReportMetric(speed(alone), "sio-MB/s")
	b.ReportMetric(speed(copied), "copy-MB/s")
	b.ReportMetric(speed(staged), "stage-MB/s")
	b.ReportMetric(speed(staged)/speed(copied), "ratio")
}

func took(f func() error, b *testing.B) time.Duration {
	b.Helper()
	start := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// duplicate stores f again, with a byte before it, so that nothing is there yet.
func duplicate(ctx context.Context, s *artifact.Store, f events.File, n int) error {
	r, err := s.Open(ctx, f.Digest)
	if err != nil {
		return err
	}
	defer r.Close()
	w := s.Create(ctx, nil)
	defer w.Abort()
	if _, err := fmt.Fprintln(w, n); err != nil {
		return err
	}
	if _, err := w.ReadFrom(r); err != nil {
		return err
	}
	_, err = w.Commit()
	return err
}

// once runs the stage with checkpoints.
func once(ctx context.Context, st stage.Stage, s *artifact.Store, f events.File, config string, n int) error {
	c := checkpoint.New(checkpoint.Options{
		Log: checkpoint.NewMemory(), Store: s, Stage: "encrypt@1", Attempt: 1, Fresh: true,
		Key: checkpoint.Key{Tenant: "t", Job: fmt.Sprint(n), Step: "s"},
	})
	defer c.Close()
	_, err := st.Run(ctx, &stage.Task{
		Tenant: "t", Job: fmt.Sprint(n), Step: "s", Attempt: 1, Files: []events.File{f},
		RawConfig: []byte(config), Store: s, Checkpoints: c,
	})
	return err
}
