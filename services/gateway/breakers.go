package gateway

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
)

// getBreakers answers with what workers have said of dependencies lately, by
// dependency and worker. That nothing is said of one means that all is well.
func (g *Gateway) getBreakers(x *exchange) error {
	kv, err := g.Bus.KV(x.r.Context(), events.BucketBreakers)
	if err != nil {
		return err
	}
	list := api.BreakerList{Breakers: []events.Breaker{}}
	all := errors.New("that is all")
	err = kv.Watch(x.r.Context(), ">", func(e *bus.Entry) error {
		if e == nil {
			return all
		}
		var b events.Breaker
		if !e.Deleted && json.Unmarshal(e.Value, &b) == nil {
			list.Breakers = append(list.Breakers, b)
		}
		return nil
	})
	if !errors.Is(err, all) {
		return err
	}
	slices.SortFunc(list.Breakers, func(a, b events.Breaker) int {
		return cmp.Or(cmp.Compare(a.Dependency, b.Dependency), cmp.Compare(a.Worker, b.Worker))
	})
	return x.json(http.StatusOK, list)
}
