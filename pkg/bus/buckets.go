package bus

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/events"
)

// How long and how often buckets keep what is put into them.
const (
	// pipelineHistory is how many versions of a key the pipelines bucket keeps.
	pipelineHistory = 16
	// credentialHistory is how many changes of a key are kept: it is made, used and
	// revoked.
	credentialHistory = 8
	// ruleHistory is how many changes of a rule are kept for the audit: as many
	// as the broker keeps of a key.
	ruleHistory = 64
	// deadMarksAge outlives the dead letter that a mark is about.
	deadMarksAge = deadRetention + deadRetention/30
	// operationsAge is how long an operation can be read after its last change.
	operationsAge = deadRetention
	// breakersAge is how long a word about a dependency is known that nobody
	// repeats.
	breakersAge = 10 * time.Minute
	// uploadsAge outlives every upload, and is how long it can be asked for what
	// became of one.
	uploadsAge = 48 * time.Hour
)

// buckets lists every key-value bucket.
func (s Streams) buckets() []jetstream.KeyValueConfig {
	all := []jetstream.KeyValueConfig{
		{
			Bucket: events.BucketPipelines, Description: "Pipeline definitions.",
			History: pipelineHistory,
		},
		{
			Bucket: events.BucketCredentials, Description: "API keys, without their secrets.",
			History: credentialHistory,
		},
		{
			Bucket: events.BucketRules, Description: "Rules of operators, with every change of them.",
			History: ruleHistory,
		},
		{
			Bucket: events.BucketDeadLetters, Description: "What people did about dead letters.",
			TTL: deadMarksAge,
		},
		{
			Bucket: events.BucketOperations, Description: "Bulk operations.",
			TTL: operationsAge,
		},
		{
			Bucket: events.BucketBreakers, Description: "What workers make of dependencies: hints.",
			TTL: breakersAge,
		},
		{
			Bucket: events.BucketEndpoints, Description: "Where events are sent, and how far each address has come.",
		},
		{
			Bucket: events.BucketUploads, Description: "How far uploads are, and what became of them.",
			TTL: uploadsAge,
		},
	}
	for i := range all {
		all[i].Replicas = s.Replicas
	}
	return all
}

func (c *Conn) provisionBucket(ctx context.Context, cfg jetstream.KeyValueConfig) error {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	if _, err := c.js.CreateOrUpdateKeyValue(ctx, cfg); err != nil {
		return provisionFault("bucket "+cfg.Bucket, err)
	}
	return nil
}
