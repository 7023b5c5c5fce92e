package gateway

import (
	"net/http"
	"testing"

	"github.com/millrace/millrace/pkg/fault"
)

// TestFullIntakeAsksToSlowDown checks what a client is told for which the intake has no
// room.
func TestFullIntakeAsksToSlowDown(t *testing.T) {
	t.Parallel()
	p, after := (&exchange{}).problem(full(fault.New(fault.BusStoreFull, "", nil)))
	if p.Status != http.StatusTooManyRequests || p.Code != "submit.refused" || !p.Retryable || after != intakePause {
		t.Errorf("%+v, come again after %s", p, after)
	}
}
