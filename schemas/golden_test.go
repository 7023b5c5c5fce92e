package schemas_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/services/gateway"
)

// TestOpenAPIIsCurrent holds the committed document against the one that the gateway
// serves.
func TestOpenAPIIsCurrent(t *testing.T) {
	t.Parallel()
	want, err := gateway.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), string(want)); diff != "" {
		t.Errorf("schemas/openapi.yaml is not what the gateway serves: say what a new route takes and "+
			"answers in services/gateway/shapes*.go and run go generate ./schemas "+
			"(-committed +served)\n%.4000s", diff)
	}
}
