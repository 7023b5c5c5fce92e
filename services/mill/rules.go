package mill

import (
	"context"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/rulebook"
)

// rulebook opens the rules of operators over a connection.
func (m *Mill) rulebook(ctx context.Context, conn *bus.Conn) (*rulebook.Book, error) {
	kv, err := conn.KV(ctx, events.BucketRules)
	if err != nil {
		return nil, err
	}
	var stages []string
	for _, s := range m.stages.Specs() {
		stages = append(stages, s.Name)
	}
	return rulebook.New(kv, rulebook.Options{Stages: stages, Log: m.Log.With("part", "rules")}), nil
}
