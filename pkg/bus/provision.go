package bus

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// smallestBound is how small a stream's bound in bytes is made on a small disk.
const smallestBound = 8 << 20

// plans remembers what was provisioned through a connection, so that a stream
// or consumer that is deleted under a running subscription can be made again.
type plans struct {
	mu        sync.Mutex
	streams   map[string]jetstream.StreamConfig
	consumers map[consumerName]jetstream.ConsumerConfig
}

type consumerName struct{ stream, durable string }

func (p *plans) keepStream(s jetstream.StreamConfig) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.streams == nil {
		p.streams = map[string]jetstream.StreamConfig{}
	}
	p.streams[s.Name] = s
}

func (p *plans) keepConsumer(stream string, c jetstream.ConsumerConfig) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.consumers == nil {
		p.consumers = map[consumerName]jetstream.ConsumerConfig{}
	}
	p.consumers[consumerName{stream, c.Durable}] = c
}

func (p *plans) stream(name string) (jetstream.StreamConfig, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.streams[name]
	return s, ok
}

func (p *plans) consumer(stream, durable string) (jetstream.ConsumerConfig, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.consumers[consumerName{stream, durable}]
	return c, ok
}

func (p *plans) allStreams() []jetstream.StreamConfig {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Values(p.streams))
}

func (p *plans) allConsumers() []consumerName {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.consumers))
}

// Provision makes every stream, every bucket and the conductor's consumers, or updates those that exist. It may be called again at any time,
// by several processes at once; a stream that was deleted is made again, empty.
// A stream of that name that belongs to another program is left alone and
// reported: fault bus.provision_failed.
func (c *Conn) Provision(ctx context.Context, s Streams) error {
	switch s.Derived {
	case "", DerivedMemory, DerivedAsync, DerivedSync:
	default:
		return fault.New(fault.BusProvisionFailed, "derived streams "+s.Derived+": not known", nil)
	}
	s = s.withDefaults()
	for _, cfg := range s.configs() {
		if err := c.provisionStream(ctx, cfg); err != nil {
			return err
		}
	}
	for _, cfg := range s.buckets() {
		if err := c.provisionBucket(ctx, cfg); err != nil {
			return err
		}
	}
	for stream, all := range conductorConsumers(s.AckWait) {
		for _, cfg := range all {
			if err := c.provisionConsumer(ctx, stream, cfg); err != nil {
				return err
			}
		}
	}
	return nil
}

// ProvisionStage makes or updates the durable consumers of a stage: one for its
// work, one for its undos. The streams must exist. It may be called again.
// Faults: bus.provision_failed.
func (c *Conn) ProvisionStage(ctx context.Context, stage string, o StageConsumer) error {
	if !events.ValidToken(stage) {
		return fault.New(fault.BusProvisionFailed, "stage "+fault.Clip(stage, 64)+": not a name", nil)
	}
	for _, cfg := range stageConsumers(stage, o) {
		if err := c.provisionConsumer(ctx, events.StreamQueue, cfg); err != nil {
			return err
		}
	}
	return nil
}

func (c *Conn) provisionStream(ctx context.Context, want jetstream.StreamConfig) error {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	err := c.createOrUpdate(ctx, want)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		err = c.createOrUpdate(ctx, want) // another process was faster
	}
	// A bound in bytes is set aside at once; a small disk has not that much,
	// and must keep room for the others.
	shrunk := false
	for reserved(err) && want.MaxBytes > smallestBound {
		shrunk, want.MaxBytes = true, max(want.MaxBytes/8, smallestBound)
		err = c.createOrUpdate(ctx, want)
	}
	if err == nil && shrunk && want.MaxBytes > smallestBound {
		// It may be all that was left.
		want.MaxBytes = max(want.MaxBytes/8, smallestBound)
		err = c.createOrUpdate(ctx, want)
	}
	if err != nil {
		return provisionFault("stream "+want.Name, err)
	}
	c.plans.keepStream(want)
	return nil
}

// reserved reports whether the broker refused to set so much storage aside.
func reserved(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) &&
		(api.ErrorCode == codeStorageReserved || api.ErrorCode == codeInsufficientResources)
}

func (c *Conn) createOrUpdate(ctx context.Context, want jetstream.StreamConfig) error {
	have, err := c.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = c.js.CreateStream(ctx, want)
		return err
	}
	if err != nil {
		return err
	}
	cfg := have.CachedInfo().Config
	if err := checkOwner(cfg, want); err != nil {
		return err
	}
	// Neither can be changed on a stream that exists.
	want.Storage, want.PersistMode = cfg.Storage, cfg.PersistMode
	want.Metadata = mergeMetadata(cfg.Metadata, want.Metadata)
	_, err = c.js.UpdateStream(ctx, want)
	return err
}

// checkOwner refuses to reshape a stream that another program made.
func checkOwner(have, want jetstream.StreamConfig) error {
	if have.Metadata[managedKey] != "" {
		return nil
	}
	if slices.Equal(have.Subjects, want.Subjects) && have.Retention == want.Retention &&
		have.Storage == want.Storage {
		return nil
	}
	return errors.New("a stream of that name exists with other settings and was not made by Millrace")
}

// mergeMetadata keeps what others noted on a stream, for example an operator.
func mergeMetadata(have, want map[string]string) map[string]string {
	all := map[string]string{}
	for k, v := range have {
		all[k] = v
	}
	for k, v := range want {
		all[k] = v
	}
	return all
}

func (c *Conn) provisionConsumer(
	ctx context.Context, stream string, want jetstream.ConsumerConfig,
) error {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	if _, err := c.js.CreateOrUpdateConsumer(ctx, stream, want); err != nil {
		return provisionFault("consumer "+want.Durable+" of stream "+stream, err)
	}
	c.plans.keepConsumer(stream, want)
	return nil
}

// provisionFault keeps the faults that say something about the broker, and
// makes the rest bus.provision_failed.
func provisionFault(what string, err error) error {
	switch code := codeOf(err); code {
	case fault.BusTimeout, fault.BusClosed, fault.BusDenied, fault.BusNoJetstream:
		return fault.New(code, "provision "+what, err)
	}
	return fault.New(fault.BusProvisionFailed, what, err)
}
