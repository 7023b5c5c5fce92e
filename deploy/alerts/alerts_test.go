package alerts

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/millrace/millrace/deploy/promtool"
	"github.com/millrace/millrace/services/millrace/cli"
)

const runbooks = "https://github.com/millrace/millrace/blob/main/"

// alert is a rule of the file.
type alert struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// theAlerts reads the rules.
func theAlerts(t *testing.T) (all []alert) {
	t.Helper()
	data, err := os.ReadFile("millrace.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []alert `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("there are no alerts")
	}
	return all
}

// TestPromtool has Prometheus check the rules, and try them.
func TestPromtool(t *testing.T) {
	t.Parallel()
	if err := promtool.Run(t.Context(), "check", "rules", "millrace.yaml"); err != nil {
		t.Error(err)
	}
	if err := promtool.Run(t.Context(), "test", "rules", "millrace_test.yaml"); err != nil {
		t.Error(err)
	}
}

// TestEveryAlertIsTried wants each alert to be expected in some kind of trouble.
func TestEveryAlertIsTried(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("millrace_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range theAlerts(t) {
		if !strings.Contains(string(data), `alertname="`+a.Alert+`"`) {
			t.Errorf("%s is never tried", a.Alert)
		}
	}
}

// TestAlertsAskForWhatThereIs holds the expressions against what a mill measures.
func TestAlertsAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	for _, a := range theAlerts(t) {
		for _, complaint := range promtool.Unknown(a.Expr) {
			t.Errorf("%s: %s", a.Alert, complaint)
		}
	}
}

// TestAlertsSayWhatToDo wants a component, a severity, a command and a page that exist,
// and a section of a runbook of each.
func TestAlertsSayWhatToDo(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../services/gateway/web/main.tsx")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range theAlerts(t) {
		if !slices.Contains([]string{"page", "ticket"}, a.Labels["severity"]) || a.Labels["component"] == "" || a.Annotations["summary"] == "" {
			t.Errorf("%s has no severity, component or summary", a.Alert)
		}
		if len(commands(a.Annotations["look"])) == 0 {
			t.Errorf("%s names no command", a.Alert)
		}
		for _, c := range commands(a.Annotations["look"]) {
			understood(t, a.Alert, c)
		}
		place, _, _ := strings.Cut(strings.TrimPrefix(a.Annotations["dashboard"], "#/"), "?")
		if place == "" || !strings.Contains(string(page), "'"+place+"': ") {
			t.Errorf("%s: the dashboard has no page %q", a.Alert, a.Annotations["dashboard"])
		}
		path, anchor, _ := strings.Cut(strings.TrimPrefix(a.Annotations["runbook_url"], runbooks), "#")
		book, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil || anchor != strings.ToLower(a.Alert) || !strings.Contains(string(book), "\n## "+a.Alert+"\n") {
			t.Errorf("%s: there is no section %q in %q: %v", a.Alert, anchor, path, err)
		}
	}
}

// TestRunbooks wants every section to have an alert, and every command in them to be one
// that the program understands.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	var names []string
	for _, a := range theAlerts(t) {
		names = append(names, a.Alert)
	}
	books, err := filepath.Glob("../runbooks/*.md")
	if err != nil || len(books) == 0 {
		t.Fatal("there are no runbooks")
	}
	sections := 0
	for _, path := range books {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(data), -1) {
			sections++
			if !slices.Contains(names, s[1]) {
				t.Errorf("%s: section %s has no alert", path, s[1])
			}
		}
		for _, m := range regexp.MustCompile("`(millrace [^`]*)`").FindAllStringSubmatch(string(data), -1) {
			understood(t, path, m[1])
		}
		for _, m := range regexp.MustCompile(`\bMillrace[A-Z]\w+`).FindAllString(string(data), -1) {
			if !slices.Contains(names, m) {
				t.Errorf("%s speaks of %s, which is no alert", path, m)
			}
		}
	}
	if sections != len(names) {
		t.Errorf("there are %d alerts and %d sections", len(names), sections)
	}
}

// commands are the command lines in an annotation.
func commands(look string) []string {
	return regexp.MustCompile(`millrace [a-zA-Z{$].*?(?:$|, then | and )`).FindAllString(look, -1)
}

// understood wants the program to know a command and all of its flags.
func understood(t *testing.T, where, command string) {
	t.Helper()
	command = strings.TrimSuffix(strings.TrimSuffix(command, ", then "), " and ")
	command = regexp.MustCompile(`\{\{.*?\}\}`).ReplaceAllString(command, "x")
	args := strings.Fields(command)[1:]
	var out bytes.Buffer
	p := cli.Program{In: &out, Out: &out, Err: &out, Getenv: func(string) string { return "" }, Dir: t.TempDir()}
	code := p.Run(context.Background(), append(args, "--help"))
	end := slices.IndexFunc(args, func(w string) bool { return !regexp.MustCompile(`^[a-z]+$`).MatchString(w) })
	if end < 0 {
		end = len(args)
	}
	usage, _, _ := strings.Cut(out.String(), "\n")
	if code != 0 || !knows(usage, args[:end]) {
		t.Errorf("%s: the program does not understand %q: %s", where, command, usage)
	}
}

// knows reports whether a line of usage begins with the words of a command, of which the
// last may be one of several words that it takes.
func knows(usage string, words []string) bool {
	said := strings.Fields(strings.TrimPrefix(usage, "Usage: millrace "))
	for i, w := range words {
		if i >= len(said) || !slices.Contains(strings.Split(said[i], "|"), w) {
			return false
		}
	}
	return true
}
