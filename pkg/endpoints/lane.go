package endpoints

import (
	"context"
	"encoding/json"
	"time"

	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// MainLane is the lane that follows the log. Others have the id of their replay.
const MainLane = "main"

// Lane is how far an endpoint, or a replay of it, has come: everything up to Done is
// settled, but for the jobs that are behind.
type Lane struct {
	Done   uint64   `json:"done"`
	Behind []Behind `json:"behind,omitempty"`
	// Failures counts the attempts that failed since the last success, and
	// FailingSince is when the first of them was made.
	Failures     int       `json:"failures,omitempty"`
	FailingSince time.Time `json:"failing_since,omitzero"`
}

// Behind is a job of which an event was not taken yet.
type Behind struct {
	Job string `json:"job"`
	// After is the last record of the job that is settled. The next that concerns
	// the endpoint, up to Last, has its turn.
	After uint64 `json:"after"`
	Last  uint64 `json:"last"`
	// Attempts counts the attempts to send that record, First is when the first was
	// made, and Due when the next may be.
	Attempts int       `json:"attempts,omitempty"`
	First    time.Time `json:"first,omitzero"`
	Due      time.Time `json:"due,omitzero"`
}

func laneKey(tenant, endpoint, lane string) string {
	return endpointKey(tenant, endpoint) + ".lane." + lane
}

// Lane reads a lane and its revision. One that was never saved is nil, with revision 0.
func (s *Store) Lane(ctx context.Context, tenant, endpoint, lane string) (*Lane, uint64, error) {
	kv, err := s.open(ctx)
	if err != nil {
		return nil, 0, err
	}
	value, revision, err := kv.Get(ctx, laneKey(tenant, endpoint, lane))
	if fault.Has(err, fault.BusNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	var l Lane
	if err := json.Unmarshal(value, &l); err != nil {
		return nil, 0, fault.New(fault.InternalBug, "decode a lane", err)
	}
	return &l, revision, nil
}

// SaveLane stores a lane whose revision is still the one given; 0 means that there is
// none. Fault: bus.fenced when somebody else has saved or deleted it.
func (s *Store) SaveLane(
	ctx context.Context, tenant, endpoint, lane string, l *Lane, revision uint64,
) (uint64, error) {
	kv, err := s.open(ctx)
	if err != nil {
		return 0, err
	}
	value, err := json.Marshal(l)
	if err != nil {
		return 0, fault.New(fault.InternalBug, "encode a lane", err)
	}
	if revision == 0 {
		return kv.Create(ctx, laneKey(tenant, endpoint, lane), value)
	}
	return kv.Update(ctx, laneKey(tenant, endpoint, lane), value, revision)
}

// lanes reads the lanes of an endpoint, or with * of all endpoints of a tenant.
func (s *Store) lanes(ctx context.Context, tenant, endpoint string) (map[string]*Lane, error) {
	kv, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	all := make(map[string]*Lane)
	err = kv.Each(ctx, laneKey(tenant, endpoint, "*"), func(e *bus.Entry) error {
		var l Lane
		if json.Unmarshal(e.Value, &l) == nil {
			all[e.Key] = &l
		}
		return nil
	})
	return all, err
}
