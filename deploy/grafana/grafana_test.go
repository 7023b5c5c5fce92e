package grafana

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/deploy/promtool"
	"github.com/millrace/millrace/pkg/telemetry"
)

// dashboard is what the tests read of the file.
type dashboard struct {
	Panels []struct {
		ID          int
		Type, Title string
		Description string
		GridPos     struct{ H, W, X, Y int }
		Targets     []struct{ Expr string }
	}
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

// theDashboard reads the file.
func theDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	data, err := os.ReadFile("millrace.json")
	if err == nil {
		err = json.Unmarshal(data, &d)
	}
	if err != nil || len(d.Panels) == 0 {
		t.Fatalf("there are %d panels: %v", len(d.Panels), err)
	}
	return d
}

// TestPanelsAskForWhatThereIs holds the expressions against what a mill measures, and has
// promtool check them.
func TestPanelsAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	var rules strings.Builder
	rules.WriteString("groups:\n  - name: panels\n    rules:\n")
	for _, p := range theDashboard(t).Panels {
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 || p.Description == "" {
			t.Errorf("%q shows nothing, or does not say what", p.Title)
		}
		for i, q := range p.Targets {
			for _, complaint := range promtool.Unknown(q.Expr) {
				t.Errorf("%q: %s", p.Title, complaint)
			}
			_, _ = fmt.Fprintf(&rules, "      - record: panel:%d:%d\n        expr: %q\n", p.ID, i, plain(q.Expr))
		}
	}
	path := filepath.Join(t.TempDir(), "panels.yaml")
	if err := os.WriteFile(path, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := promtool.Run(t.Context(), "check", "rules", path); err != nil {
		t.Error(err)
	}
}

// plain is an expression with values in the place of Grafana's variables.
func plain(expr string) string {
	return regexp.MustCompile(`\$\w+`).ReplaceAllString(strings.ReplaceAll(expr, "$__rate_interval", "5m"), ".*")
}

// TestVariables wants every variable to be there, and to come from a metric that is.
func TestVariables(t *testing.T) {
	t.Parallel()
	d := theDashboard(t)
	known := []string{"__rate_interval"}
	values := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`)
	for _, v := range d.Templating.List {
		known = append(known, v.Name)
		if v.Type != "query" {
			continue
		}
		m := values.FindStringSubmatch(v.Definition)
		if m == nil {
			t.Errorf("%s comes from %q", v.Name, v.Definition)
			continue
		}
		for _, complaint := range promtool.Unknown(m[1] + "{" + m[2] + `="x"}`) {
			t.Errorf("%s: %s", v.Name, complaint)
		}
	}
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			for _, m := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(q.Expr, -1) {
				if !slices.Contains(known, m[1]) {
					t.Errorf("%q: there is no variable %s", p.Title, m[1])
				}
			}
		}
	}
}

// TestLayout wants no two panels in one place, and no two of one name or id.
func TestLayout(t *testing.T) {
	t.Parallel()
	taken, names := make(map[[2]int]string), make(map[string]bool)
	for _, p := range theDashboard(t).Panels {
		if names[p.Title] || names[fmt.Sprint(p.ID)] {
			t.Errorf("%q, %d is there twice", p.Title, p.ID)
		}
		names[p.Title], names[fmt.Sprint(p.ID)] = true, true
		g := p.GridPos
		if g.X+g.W > 24 || g.W < 1 || g.H < 1 {
			t.Errorf("%q is at %+v", p.Title, g)
		}
		for x := range g.W {
			for y := range g.H {
				at := [2]int{g.X + x, g.Y + y}
				if other, ok := taken[at]; ok {
					t.Fatalf("%q lies over %q", p.Title, other)
				}
				taken[at] = p.Title
			}
		}
	}
}

// TestMostMetricsAreShown wants the dashboard to show what a mill measures, but for a few
// families that only alerts and people ask for.
func TestMostMetricsAreShown(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("millrace.json")
	if err != nil {
		t.Fatal(err)
	}
	hidden := []string{
		"millrace_look_failed", "millrace_consumer_in_flight", "millrace_consumer_redelivered", "millrace_consumer_served",
		"millrace_disk_size_bytes", "millrace_disk_level", "millrace_dead_letters_kept", "millrace_view_lag_records",
		"millrace_view_stale", "millrace_lost_work_republished_total", "millrace_http_received_bytes_total",
		"millrace_http_sent_bytes_total", "millrace_webhook_delivery_duration_seconds",
	}
	for _, f := range telemetry.Families() {
		shown := slices.ContainsFunc(f.Series(), func(s string) bool {
			return regexp.MustCompile(`\b` + s + `\b`).Match(data)
		})
		if shown == slices.Contains(hidden, f.Name) {
			t.Errorf("%s: shown is %t", f.Name, shown)
		}
	}
}
