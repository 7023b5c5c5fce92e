package publishs3

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNeeds: with one store no task does without it; with two, one that is down is
// no reason to keep the tasks of the other waiting.
func TestNeeds(t *testing.T) {
	t.Parallel()
	a, b := Endpoint{URL: "https://a.example.org:9000"}, Endpoint{Region: "eu-1"}
	for name, test := range map[string]struct {
		endpoints map[string]Endpoint
		want      []string
	}{
		"none": {nil, nil},
		"one":  {map[string]Endpoint{"backup": a}, []string{"s3:backup:a.example.org:9000"}},
		"aws":  {map[string]Endpoint{"default": b}, []string{"s3:default:aws"}},
		"two":  {map[string]Endpoint{"backup": a, "default": b}, nil},
	} {
		p := newPublisher(Options{Endpoints: test.endpoints})
		if diff := cmp.Diff(test.want, p.Spec().Needs); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if err := p.Spec().Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
