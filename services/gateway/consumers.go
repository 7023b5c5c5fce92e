package gateway

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
)

// getConsumers answers with what waits for the stages and for the conductor.
func (g *Gateway) getConsumers(x *exchange) error {
	list := api.ConsumerList{Consumers: []api.Consumer{}}
	now := time.Now()
	for _, stream := range events.WorkStreams() {
		backlogs, err := g.Bus.Backlogs(x.r.Context(), stream)
		if err != nil {
			return err
		}
		for _, b := range backlogs {
			list.Consumers = append(list.Consumers, consumerOf(b, now))
		}
	}
	slices.SortFunc(list.Consumers, func(a, b api.Consumer) int { return cmp.Compare(a.Name, b.Name) })
	return x.json(http.StatusOK, list)
}

// consumerOf says of a consumer what people see of it.
func consumerOf(b bus.Backlog, now time.Time) api.Consumer {
	c := api.Consumer{
		Name: b.Consumer, Pending: b.Pending, InFlight: b.InFlight, Redelivered: b.Redelivered,
		Delivered: b.Delivered, Served: b.Served(), Oldest: b.Oldest.UTC(),
	}
	if stage, ok := strings.CutPrefix(b.Consumer, events.StageConsumer("")); ok {
		c.Stage = stage
	} else if stage, ok := strings.CutPrefix(b.Consumer, events.UndoConsumer("")); ok {
		c.Stage, c.Undo = stage, true
	}
	if !b.Oldest.IsZero() {
		c.OldestSeconds = max(now.Sub(b.Oldest), 0).Seconds()
	}
	return c
}
