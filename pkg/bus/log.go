package bus

import (
	"context"
	"log/slog"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
)

// quietLog lets Watermill's errors through and makes the rest debug messages:
// it reports each step of its own start and stop as information.
type quietLog struct{ log *slog.Logger }

// Error logs an error.
func (q quietLog) Error(msg string, err error, fields watermill.LogFields) {
	q.log.Error(msg, append(attributes(fields), "error", err)...)
}

// Info logs a step.
func (q quietLog) Info(msg string, fields watermill.LogFields) { q.Debug(msg, fields) }

// Debug logs a detail.
func (q quietLog) Debug(msg string, fields watermill.LogFields) {
	if q.log.Enabled(context.Background(), slog.LevelDebug) {
		q.log.Debug(msg, attributes(fields)...)
	}
}

// Trace drops what is said of every message.
func (q quietLog) Trace(string, watermill.LogFields) {}

// With returns a logger that adds fields.
func (q quietLog) With(fields watermill.LogFields) watermill.LoggerAdapter {
	return quietLog{q.log.With(attributes(fields)...)}
}

func attributes(fields watermill.LogFields) []any {
	out := make([]any, 0, 2*len(fields)+2)
	for k, v := range fields {
		out = append(out, k, v)
	}
	return out
}

// idleSubscriber never has a message.
type idleSubscriber struct{ stop <-chan struct{} }

// Subscribe returns a channel that is closed at the stop.
func (i idleSubscriber) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	out := make(chan *message.Message)
	go func() {
		defer close(out)
		select {
		case <-i.stop:
		case <-ctx.Done():
		}
	}()
	return out, nil
}

// Close does nothing.
func (idleSubscriber) Close() error { return nil }
