package bus

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/events"
)

// Headers of an atomic batch (ADR-50 of the NATS project).
const (
	headerBatchID       = "Nats-Batch-Id"
	headerBatchSequence = "Nats-Batch-Sequence"
	headerBatchCommit   = "Nats-Batch-Commit"
)

// maxBatch is how many messages an atomic batch may have.
const maxBatch = 1000

// Committed is what became of one message of [Conn.CommitAll].
type Committed struct {
	Sequence uint64
	Err      error
}

// CommitAll commits messages whose fences are all different, and returns what
// became of each, in order. The broker is first asked to store them as one
// atomic batch, which costs it one round of syncing however many they are. If it
// refuses the batch, because one fence of many has moved, or does not answer,
// each message is committed by itself, as by [Conn.Commit]: a message of a batch
// that was stored after all is then found to be.
func (c *Conn) CommitAll(ctx context.Context, outs []Out) []Committed {
	done := make([]Committed, len(outs))
	outs = withTransactions(outs)
	if len(outs) > 1 && len(outs) <= maxBatch {
		if first, err := c.commitBatch(ctx, outs); err == nil {
			for i := range done {
				done[i].Sequence = first + uint64(i)
			}
			return done
		}
	}
	for i, o := range outs {
		done[i].Sequence, done[i].Err = c.Commit(ctx, o)
	}
	return done
}

// withTransactions gives each message a transaction id that has none, so that a
// message of the batch and the same one sent by itself are the same write.
func withTransactions(outs []Out) []Out {
	outs = slices.Clone(outs)
	for i := range outs {
		if outs[i].Header[events.HeaderTx] != "" {
			continue
		}
		h := make(map[string]string, len(outs[i].Header)+1)
		maps.Copy(h, outs[i].Header)
		h[events.HeaderTx] = rand.Text()
		outs[i].Header = h
	}
	return outs
}

// commitBatch stores messages all or none, and returns the sequence of the first.
func (c *Conn) commitBatch(ctx context.Context, outs []Out) (uint64, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	id := rand.Text()
	msgs := make([]*nats.Msg, len(outs))
	for i := range outs {
		m, err := c.encode(&outs[i])
		if err != nil {
			return 0, err
		}
		m.Header[headerBatchID] = []string{id}
		m.Header[headerBatchSequence] = []string{strconv.Itoa(i + 1)}
		msgs[i] = m
	}
	last := msgs[len(msgs)-1]
	last.Header[headerBatchCommit] = []string{"1"}
	for _, m := range msgs[:len(msgs)-1] {
		if err := c.nc.PublishMsg(m); err != nil {
			return 0, busFault("publish a batch", c.explain(err))
		}
	}
	// Only the commit is answered; complaints about earlier messages come with it.
	answers, err := c.mux.do(ctx, []*nats.Msg{last})
	if err != nil {
		return 0, busFault("publish a batch", c.explain(err))
	}
	ack, err := decodeAck(answers[0])
	if err != nil {
		return 0, busFault("publish a batch", err)
	}
	return ack.Seq - uint64(len(outs)) + 1, nil
}
