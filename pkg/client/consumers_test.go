package client_test

import (
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/services/gateway"
)

func TestConsumers(t *testing.T) {
	t.Parallel()
	_, c := newWorld(t, gateway.Limits{})
	list, err := c.Consumers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range list {
		if one.Name == events.ConsumerIntake && one.Stage == "" {
			return
		}
	}
	t.Errorf("the conductor's intake is not among %+v", list)
}
