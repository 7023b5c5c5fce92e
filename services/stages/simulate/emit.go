package simulate

import (
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/stage"
)

// emit stores a made-up file: random bytes that follow from its seed.
func emit(ctx context.Context, t *stage.Task, e emission) (events.File, error) {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], e.Seed)
	content := io.LimitReader(rand.NewChaCha8(seed), int64(e.Bytes))
	return t.Store.Put(ctx, t.Meter(int64(e.Bytes)).Reader(ctx, content), &artifact.PutOptions{
		Name: e.Name, MediaType: e.MediaType,
	})
}
