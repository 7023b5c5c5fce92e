package deadletter

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// Store reads dead letters and acts on them. It is safe for concurrent use.
type Store struct {
	bus *bus.Conn

	mu sync.Mutex
	kv *bus.KV
}

// New returns a store over a connection, which it does not close.
func New(c *bus.Conn) *Store { return &Store{bus: c} }

// marks opens the bucket of the marks, once.
func (s *Store) marks(ctx context.Context) (*bus.KV, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kv != nil {
		return s.kv, nil
	}
	kv, err := s.bus.KV(ctx, events.BucketDeadLetters)
	if err != nil {
		return nil, err
	}
	s.kv = kv
	return kv, nil
}

// letter is a dead letter as it is stored, and its mark.
type letter struct {
	events.DeadLetter
	tenant string
	// id and at are the letter's own sequence and time, placed when the stream had
	// stored what it is about; that is zero when it is not known.
	id     uint64
	at     time.Time
	placed time.Time

	mark     mark
	revision uint64
}

// mark is what was done about a letter.
type mark struct {
	State  api.DeadState `json:"state"`
	At     time.Time     `json:"at"`
	By     string        `json:"by,omitempty"`
	Reason string        `json:"reason,omitempty"`
	As     string        `json:"as,omitempty"`
	Job    string        `json:"job,omitempty"`
	// Data is the payload, byte for byte, when it is not the letter's own.
	Data []byte `json:"data,omitempty"`
	// Key is the idempotency key of the request, and Base the revision that it
	// found.
	Key  string `json:"key,omitempty"`
	Base uint64 `json:"base"`
}

// key names the mark of a letter. A stream that was made again counts from 1 again;
// the time tells its letters from those of the one before.
func (l *letter) key() string {
	return l.tenant + "." + strconv.FormatUint(l.id, 10) + "." +
		strconv.FormatInt(l.at.UnixNano(), 36)
}

// Get returns a dead letter of a tenant by its number. Faults: deadletter.not_found
// and those of the bus.
func (s *Store) Get(ctx context.Context, tenant, id string) (api.DeadLetter, error) {
	l, err := s.find(ctx, tenant, id)
	if err != nil {
		return api.DeadLetter{}, err
	}
	return l.shown(true), nil
}

// find reads a letter and its mark.
func (s *Store) find(ctx context.Context, tenant, id string) (*letter, error) {
	sequence, err := strconv.ParseUint(id, 10, 64)
	if err != nil || sequence == 0 {
		return nil, notFound(id)
	}
	return s.read(ctx, tenant, sequence)
}

func (s *Store) read(ctx context.Context, tenant string, sequence uint64) (*letter, error) {
	id := strconv.FormatUint(sequence, 10)
	m, err := s.bus.Get(ctx, events.StreamDead, sequence)
	if fault.Has(err, fault.BusNotFound) {
		return nil, notFound(id)
	}
	if err != nil {
		return nil, err
	}
	tokens, ok := events.Tokens(m.Subject, "dead", 2)
	if !ok || tokens[1] != tenant {
		return nil, notFound(id)
	}
	l := &letter{tenant: tenant, id: m.Sequence, at: m.Time}
	if err := json.Unmarshal(m.Data, &l.DeadLetter); err != nil {
		return nil, fault.New(fault.BusUndecodable, "dead letter "+id, err)
	}
	if stored, ok := events.LetterStored(m.ID); ok {
		l.placed = stored
	}
	return l, s.remember(ctx, l)
}

// remember reads the mark of a letter.
func (s *Store) remember(ctx context.Context, l *letter) error {
	l.mark, l.revision = mark{State: api.DeadOpen}, 0
	kv, err := s.marks(ctx)
	if err != nil {
		return err
	}
	value, revision, err := kv.Get(ctx, l.key())
	if fault.Has(err, fault.BusNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(value, &l.mark); err != nil {
		return fault.New(fault.InternalBug, "decode what was done about dead letter "+l.name(), err)
	}
	l.revision = revision
	return nil
}

// note stores a mark, if nobody else did since it was read. Fault: bus.fenced.
func (s *Store) note(ctx context.Context, l *letter, m mark) error {
	kv, err := s.marks(ctx)
	if err != nil {
		return err
	}
	value, err := json.Marshal(m)
	if err != nil {
		return fault.New(fault.InternalBug, "encode what was done about a dead letter", err)
	}
	var revision uint64
	if l.revision == 0 {
		revision, err = kv.Create(ctx, l.key(), value)
	} else {
		revision, err = kv.Update(ctx, l.key(), value, l.revision)
	}
	if err != nil {
		return err
	}
	l.mark, l.revision = m, revision
	return nil
}

func (l *letter) name() string { return strconv.FormatUint(l.id, 10) }

// cut reports whether the letter holds only a part of the payload.
func (l *letter) cut() bool { return l.Size > int64(len(l.Data)) }

func notFound(id string) error {
	return fault.New(fault.DeadletterNotFound, strings.TrimSpace(fault.Clip(id, 40)), nil)
}
