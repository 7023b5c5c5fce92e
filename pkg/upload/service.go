package upload

import (
	"context"
	"log/slog"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// MaxExpiry is the longest time that an upload may lie still: what a writer has
// stored is good for so long.
const MaxExpiry = 24 * time.Hour

// KV is the bucket that holds how far uploads are. [bus.KV] provides it. Get returns
// a fault with code bus.not_found for a key that is not there, and Create and Update
// one with code bus.fenced when somebody else was first.
type KV interface {
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Create(ctx context.Context, key string, value []byte) (revision uint64, err error)
	Put(ctx context.Context, key string, value []byte) (revision uint64, err error)
	Update(ctx context.Context, key string, value []byte, last uint64) (revision uint64, err error)
	Delete(ctx context.Context, key string) error
	Matching(ctx context.Context, pattern string) ([]string, error)
	Each(ctx context.Context, pattern string, fn func(*bus.Entry) error) error
}

// Store takes the bytes. [artifact.Store] provides it.
type Store interface {
	Create(ctx context.Context, o *artifact.PutOptions) *artifact.Writer
	Resume(ctx context.Context, st artifact.State, o *artifact.PutOptions) (*artifact.Writer, error)
}

// Jobs turns uploads into jobs.
type Jobs interface {
	// Plan says what becomes of an upload with this metadata. Its error refuses the
	// upload.
	Plan(ctx context.Context, tenant string, metadata map[string]string) (Plan, error)
	// Submit asks for the job of a finished upload. It may be called again with the
	// same key after an error, and after a crash. A [Refused] is final; after any
	// other error the submission is made again.
	Submit(ctx context.Context, tenant string, p Plan, s events.Submission) (events.Receipt, error)
	// Keep notes that a tenant has put a content, before anything comes of it. It may
	// be called again.
	Keep(ctx context.Context, tenant, digest string) error
}

// Plan is what becomes of an upload.
type Plan struct {
	// Name and MediaType describe the file. Both may be empty; a name must pass
	// [artifact.CheckName].
	Name      string `json:"name,omitempty"`
	MediaType string `json:"media_type,omitempty"`
	// Digest is what the content must have. Empty means that nobody knows yet.
	Digest string `json:"digest,omitempty"`
	// Pipeline makes a job of the file. Empty means that the file is only stored.
	Pipeline string `json:"pipeline,omitempty"`
	// By is who has begun the upload, for the audit.
	By string `json:"by,omitempty"`
	// Job is the submission without its files. Without a key it gets one that
	// follows from the id of the upload.
	Job events.Submission `json:"job,omitzero"`
}

// Options are what a service works with. KV, Store and Jobs are required.
type Options struct {
	KV    KV
	Store Store
	Jobs  Jobs
	// MaxSize is the largest upload in bytes. Zero means no limit but that of the
	// store.
	MaxSize int64
	// MaxOpen is how many uploads a tenant may have that are not finished. Zero
	// means 100.
	MaxOpen int
	// Expiry is how long an upload may lie still. Zero means [MaxExpiry], and so
	// does more than that.
	Expiry time.Duration
	// Interval is how many bytes at most are sent again after a crash. Zero means
	// 16 MiB.
	Interval int64
	// Every is how often uploads that were left behind are looked after. Zero means
	// a minute.
	Every time.Duration
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Log takes what a person may ask about. Nil discards it.
	Log *slog.Logger
}

// Service takes uploads. It is safe for concurrent use.
type Service struct {
	Options
	ledger ledger
	locks  locks
	tus    *handler.UnroutedHandler
}

// New returns a service. [Service.Run] keeps it tidy. Fault: internal.bug for
// options that the protocol's handler does not take.
func New(o Options) (*Service, error) {
	if o.MaxOpen <= 0 {
		o.MaxOpen = 100
	}
	if o.Expiry <= 0 || o.Expiry > MaxExpiry {
		o.Expiry = MaxExpiry
	}
	if o.Interval <= 0 {
		o.Interval = 16 << 20
	}
	if o.Every <= 0 {
		o.Every = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{Options: o, ledger: ledger{kv: o.KV}, locks: locks{held: make(map[string]*lock)}}
	parts := handler.NewStoreComposer()
	parts.UseCore(dataStore{s})
	parts.UseTerminater(dataStore{s})
	parts.UseLengthDeferrer(dataStore{s})
	var err error
	s.tus, err = handler.NewUnroutedHandler(handler.Config{
		StoreComposer: parts, MaxSize: o.MaxSize, DisableDownload: true, DisableConcatenation: true,
		Cors: &handler.CorsConfig{Disable: true}, Logger: silent(),
		// The store keeps to its own contexts, see upload.lasting.
		GracefulRequestCompletionTimeout: time.Second,
	})
	if err != nil {
		return nil, fault.New(fault.InternalBug, "make a handler of the tus protocol", err)
	}
	return s, nil
}

// writer returns a writer that goes on where an upload is.
func (s *Service) writer(ctx context.Context, r *record) (*artifact.Writer, error) {
	o := &artifact.PutOptions{Name: r.Plan.Name, MediaType: r.Plan.MediaType, Limit: s.MaxSize}
	if r.Offset == 0 {
		return s.Store.Create(ctx, o), nil
	}
	return s.Store.Resume(ctx, r.State, o)
}

// now is the time in UTC and whole milliseconds.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }
