package encrypt_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/encrypt"
)

// step is a step whose attempts share a store and a log. Unlike in the kit, the
// stage is the real one, whose keys are random.
type step struct {
	t        *testing.T
	store    *artifact.Store
	log      *recorder
	task     stage.Task
	attempts int
	resumed  []events.Resumed
}

// recorder keeps all records that were ever stored.
type recorder struct {
	checkpoint.Log
	mu  sync.Mutex
	all [][]byte
}

func (r *recorder) Append(ctx context.Context, k checkpoint.Key, after uint64, data []byte) (uint64, error) {
	at, err := r.Log.Append(ctx, k, after, data)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.all = append(r.all, bytes.Clone(data))
	}
	return at, err
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
}

func newStep(t *testing.T, job, config string, sizes ...int64) *step {
	t.Helper()
	s := &step{t: t, store: artifact.New(memstore.New(), &artifact.Options{ChunkSize: 64 << 10})}
	t.Cleanup(func() { _ = s.store.Close() })
	s.log = &recorder{Log: checkpoint.NewMemory()}
	s.task = stage.Task{
		Job: job, Tenant: events.DefaultTenant, Pipeline: "test", Step: "seal", Store: s.store,
		RawConfig: json.RawMessage(config), Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for i, size := range sizes {
		content := stagetest.Content{Name: "file-" + string(rune('a'+i)), Size: size}
		f, err := s.store.Put(t.Context(), content.Reader(), &artifact.PutOptions{Name: content.Name})
		if err != nil {
			t.Fatal(err)
		}
		s.task.Files = append(s.task.Files, f)
	}
	return s
}

// key is that of the step's checkpoints.
func (s *step) key() checkpoint.Key {
	return checkpoint.Key{Tenant: s.task.Tenant, Job: s.task.Job, Step: s.task.Step}
}

// chain returns the checkpoints of the next attempt.
func (s *step) chain() *checkpoint.Chain {
	s.attempts++
	return checkpoint.New(checkpoint.Options{
		Log: s.log, Store: s.store, Key: s.key(), Stage: "encrypt@1", Logic: "1", Inputs: "same",
		Attempt: s.attempts, Worker: "w", Fresh: s.attempts == 1, Bytes: 512 << 10,
		Resumed: func(_ context.Context, r events.Resumed) error {
			s.resumed = append(s.resumed, r)
			return nil
		},
	})
}

// run makes an attempt, which is cut off when that many bytes are done; negative
// means never.
func (s *step) run(st stage.Stage, cut int64) (stage.Result, error) {
	return s.until(st, func(done int64) bool { return cut >= 0 && done >= cut })
}

// begin makes an attempt that is cut off when it has saved twice, and returns the
// state that it has left.
func (s *step) begin(st stage.Stage) encrypt.Place {
	s.t.Helper()
	if _, err := s.until(st, func(int64) bool { return s.log.count() >= 2 }); err == nil {
		s.t.Fatal("the attempt was not cut off")
	}
	var rec events.Checkpoint
	if err := json.Unmarshal(s.log.all[s.log.count()-1], &rec); err != nil {
		s.t.Fatal(err)
	}
	var at encrypt.Place
	if err := json.Unmarshal(rec.State, &at); err != nil || len(at.Key) == 0 || at.Packages == 0 {
		s.t.Fatalf("%s: %v", rec.State, err)
	}
	return at
}

// until makes an attempt, which is cut off when stop says so.
func (s *step) until(st stage.Stage, enough func(done int64) bool) (stage.Result, error) {
	ctx, stop := context.WithCancel(s.t.Context())
	defer stop()
	task := s.task
	task.Checkpoints = s.chain()
	defer task.Checkpoints.Close()
	task.Attempt = s.attempts
	task.Report = func(done, _ int64, _ string) {
		if enough(done) {
			stop()
		}
	}
	return st.Run(ctx, &task)
}

// after returns the same step as it was when only n records were stored.
func (s *step) after(n int) *step {
	log := checkpoint.NewMemory()
	for _, data := range s.log.all[:n] {
		log.Put(s.key(), data)
	}
	return &step{t: s.t, store: s.store, log: &recorder{Log: log}, task: s.task, attempts: 1}
}

// TestContinues goes on from every record that a long run has stored, and gets the
// same bytes each time.
func TestContinues(t *testing.T) {
	t.Parallel()
	id := identity(t)
	st := encrypt.New(encrypt.Options{})
	keys := encrypt.Keys(st)
	s := newStep(t, "job", to(id.Recipient()), 3<<20+100)
	want, err := s.run(st, -1)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.log.all) < 4 {
		t.Fatalf("%d records", len(s.log.all))
	}
	for n := 1; n <= len(s.log.all); n++ {
		got, err := s.after(n).run(st, -1)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after %d records: %s", n, diff)
		}
	}
	if n := len(keys()); n != 1 {
		t.Errorf("%d keys were made", n)
	}
	again, err := s.after(0).run(st, -1)
	if err != nil || cmp.Equal(want, again) {
		t.Errorf("without a record: the same key, or %v", err)
	}
	decrypts(id)(t, &s.task, again)
}

// TestCutOff cuts attempts off everywhere, again and again, until one is through.
func TestCutOff(t *testing.T) {
	t.Parallel()
	id := identity(t)
	st := encrypt.New(encrypt.Options{})
	keys := encrypt.Keys(st)
	s := newStep(t, "job", to(id.Recipient()), 2<<20, 0, 70_000, 3<<20+1)
	total := stage.Size(s.task.Files)
	var res stage.Result
	var err error
	for cut := int64(0); ; cut += 333_333 {
		if res, err = s.run(st, cut); err == nil {
			break
		}
		if !fault.Has(err, fault.JobCancelled) && fault.From(err).Class() != fault.Cancelled {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if cut > 2*total {
			t.Fatalf("no attempt of %d is through", s.attempts)
		}
	}
	decrypts(id)(t, &s.task, res)
	made := len(keys())
	again, err := s.run(st, -1)
	if diff := cmp.Diff(res, again); diff != "" || err != nil {
		t.Errorf("repeated: %v, %s", err, diff)
	}
	if len(keys()) != made {
		t.Error("repeated, it makes new keys")
	}
}

// TestLostAnswer repeats a step of small files, for which no place is saved on the
// way.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	s := newStep(t, "job", to(identity(t).Recipient()), 10, 20, 0)
	st := encrypt.New(encrypt.Options{})
	first, err := s.run(st, -1)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.log.all) != 1 {
		t.Errorf("%d records for small files", len(s.log.all))
	}
	second, err := s.run(st, -1)
	if diff := cmp.Diff(first, second); diff != "" || err != nil {
		t.Errorf("%v, %s", err, diff)
	}
}

// TestOtherSecret goes on after the secret was replaced: from the start, and says so.
func TestOtherSecret(t *testing.T) {
	t.Parallel()
	id := identity(t)
	s := newStep(t, "job", to(id.Recipient()), 3<<20)
	s.begin(encrypt.New(encrypt.Options{Secret: encrypt.Secret{1}}))
	st := encrypt.New(encrypt.Options{Secret: encrypt.Secret{2}})
	keys := encrypt.Keys(st)
	res, err := s.run(st, -1)
	if err != nil {
		t.Fatal(err)
	}
	decrypts(id)(t, &s.task, res)
	if len(keys()) != 1 {
		t.Errorf("%d new keys", len(keys()))
	}
	if n := len(s.resumed); n != 1 || s.resumed[0].Decision != events.DecisionRestarted {
		t.Errorf("it says %+v", s.resumed)
	}
}

// TestForeignState gives a step the state of another one, under a chain that is its
// own: the key does not open there, and the file is begun again.
func TestForeignState(t *testing.T) {
	t.Parallel()
	id, secret := identity(t), encrypt.Secret{3}
	a := newStep(t, "job-a", to(id.Recipient()), 3<<20)
	stolen := a.begin(encrypt.New(encrypt.Options{Secret: secret}))
	b := newStep(t, "job-b", to(id.Recipient()), 3<<20)
	forge(t, b, secret, stolen)
	st := encrypt.New(encrypt.Options{Secret: secret})
	keys := encrypt.Keys(st)
	res, err := b.run(st, -1)
	if err != nil {
		t.Fatal(err)
	}
	decrypts(id)(t, &b.task, res)
	if len(keys()) != 1 {
		t.Errorf("%d new keys", len(keys()))
	}
	if n := len(b.resumed); n != 1 || b.resumed[0].Decision != events.DecisionResumed {
		t.Errorf("the chain was not as forged: %+v", b.resumed)
	}
}

// forge saves a place in the chain of s.
func forge(t *testing.T, s *step, secret encrypt.Secret, p encrypt.Place) {
	t.Helper()
	c := s.chain()
	defer c.Close()
	run, err := c.Resume(t.Context(), encrypt.Version(secret), &p)
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Output(t.Context(), "0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if _, err := w.Write(make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	if err := run.Save(t.Context(), 1<<20, 3<<20); err != nil {
		t.Fatal(err)
	}
}

// TestWrongPlace gives a step its own key with another place, which would encrypt
// content under the nonces of other content if it were believed.
func TestWrongPlace(t *testing.T) {
	t.Parallel()
	secret := encrypt.Secret{4}
	s := newStep(t, "job", to(identity(t).Recipient()), 3<<20)
	st := encrypt.New(encrypt.Options{Secret: secret})
	at := s.begin(st)
	for _, n := range []int64{at.Packages - 1, at.Packages + 1, -1, 0, 1 << 40, 1 << 62} {
		wrong := &step{t: t, store: s.store, log: &recorder{Log: checkpoint.NewMemory()}, task: s.task}
		forge(t, wrong, secret, encrypt.Place{Key: at.Key, Packages: n})
		if _, err := wrong.run(st, -1); !fault.Has(err, fault.InternalBug) {
			t.Errorf("%d packages: %v", n, err)
		}
	}
}

// TestNoKeyInRecords looks for keys in what the broker keeps.
func TestNoKeyInRecords(t *testing.T) {
	t.Parallel()
	s := newStep(t, "job", to(identity(t).Recipient()), 2<<20, 2<<20)
	st := encrypt.New(encrypt.Options{})
	keys := encrypt.Keys(st)
	if _, err := s.run(st, -1); err != nil {
		t.Fatal(err)
	}
	if len(keys()) != 2 || len(s.log.all) < 4 {
		t.Fatalf("%d keys, %d records", len(keys()), len(s.log.all))
	}
	for _, rec := range s.log.all {
		for _, p := range keys() {
			for at := 0; at+8 <= 44; at += 4 {
				part := p.Secret()[at : at+8]
				if bytes.Contains(rec, part) || bytes.Contains(rec, []byte(hex.EncodeToString(part))) {
					t.Fatal("a record shows a key")
				}
			}
			for shift := range 3 {
				text := base64.RawStdEncoding.EncodeToString(p.Secret()[shift : shift+30])
				if bytes.Contains(rec, []byte(text)) {
					t.Fatal("a record shows a key in base64")
				}
			}
		}
	}
}
