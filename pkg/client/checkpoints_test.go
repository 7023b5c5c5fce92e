package client_test

import (
	"testing"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/gateway"
)

func TestCheckpoints(t *testing.T) {
	t.Parallel()
	_, c := newWorld(t, gateway.Limits{})
	if _, err := c.Checkpoints(t.Context(), "nobody", "a"); !fault.Has(err, fault.JobNotFound) {
		t.Errorf("of no job: %v", err)
	}
	if _, err := c.Checkpoint(t.Context(), "nobody", "a", 1); !fault.Has(err, fault.JobNotFound) {
		t.Errorf("of no job: %v", err)
	}
	i, err := c.Fault(t.Context(), fault.S3Full)
	if err != nil || i.Class != fault.S3Full.Info().Class || len(i.Runbook) == 0 {
		t.Errorf("%+v, %v", i, err)
	}
	if _, err := c.Fault(t.Context(), "none.such"); !fault.Has(err, fault.HTTPNotFound) {
		t.Errorf("of no code: %v", err)
	}
}
