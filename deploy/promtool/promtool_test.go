package promtool

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAsks(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]Asked{
		`up{job="millrace"} == 0`: {Metrics: []string{"up"}, Labels: []string{"job"}},
		`histogram_quantile(0.99, sum by (le, stage) (rate(a_bucket[5m]))) > 1e3`: {
			Metrics: []string{"a_bucket"}, Labels: []string{"le", "stage"},
		},
		`a{x=~"b{c}|d",y!="e"} / on (z) group_left (w) b offset 5m and c unless d`: {
			Metrics: []string{"a", "b", "c", "d"}, Labels: []string{"x", "y", "z", "w"},
		},
		`sum without (k) (increase(a[$__rate_interval])) > bool 2`: {Metrics: []string{"a"}, Labels: []string{"k"}},
	} {
		if d := cmp.Diff(want, Asks(expr)); d != "" {
			t.Errorf("%s (-want +got):\n%s", expr, d)
		}
	}
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		`sum by (stage) (rate(millrace_attempts_total{class!="auth"}[5m]))`: "",
		`rate(millrace_attempt_duration_seconds_bucket{le="1"}[5m])`:        "",
		`millrace_attempt_duration_seconds`:                                 "there is no metric millrace_attempt_duration_seconds",
		`millrace_nonsense_total`:                                           "there is no metric millrace_nonsense_total",
		`sum by (job_id) (millrace_jobs)`:                                   "there is no label job_id",
		`millrace_jobs{stage="x"}`:                                          "there is no label stage",
		`vector(1)`:                                                         "it asks for no metric",
	} {
		if got := strings.Join(Unknown(expr), "; "); got != want {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	for text, sound := range map[string]bool{"groups: []\n": true, "groups: [{name: x, rules: [{alert: A, expr: 'sum('}]}]\n": false} {
		if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Run(t.Context(), "check", "rules", rules); (err == nil) != sound {
			t.Errorf("%s is answered %v", text, err)
		}
	}
}
