package stagetest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// caught says which test of which kit finds what is wrong, and what it says.
type caught struct{ test, in, complaint string }

// zoo is stages that are wrong, each in one way.
var zoo = map[string]caught{
	"spec":                  {"TestSound", "Spec", "says nothing of its guarantee"},
	"spec changes":          {"TestSound", "Spec", "the spec changes"},
	"open schema":           {"TestSound", "Spec", "accepts any option"},
	"unexplained option":    {"TestSound", "Spec", "no description"},
	"any config":            {"TestSound", "BadConfig", "want stage.bad_config"},
	"greedy":                {"TestSound", "Memory", "the heap grew by"},
	"deaf":                  {"TestSound", "Cancel", "still running"},
	"not repeatable":        {"TestSound", "Repeat", "another result"},
	"undeclared finding":    {"TestSound", "Repeat", "is not declared"},
	"undeclared fault":      {"TestSound", "Repeat", "want stage.no_input"},
	"bad result":            {"TestSound", "Repeat", "a file name is not allowed"},
	"forged size":           {"TestSound", "Repeat", "the store has"},
	"changes its task":      {"TestSound", "Repeat", "changed its task"},
	"leaves a goroutine":    {"TestSound", "Together", "something goes on running"},
	"undo is surprised":     {"TestSound", "Undo", "undo before do"},
	"undo forgets":          {"TestSound", "Undo", "undo leaves"},
	"undo needs the result": {"TestSound", "Undo", "undo after a cut: undo leaves"},
	"comes after its undo":  {"TestSound", "Undo", "it is done all the same"},

	"forgets its place":              {"TestRelay", "Crash", "another result"},
	"offers before writing":          {"TestRelay", "Crash", "another result"},
	"writes after offering":          {"TestRelay", "Crash", "another result"},
	"unstable names":                 {"TestRelay", "Crash", "died "},
	"splices":                        {"TestRelay", "Crash", "another result"},
	"tells that it resumed":          {"TestRelay", "Crash", "another result"},
	"is deaf when killed":            {"TestRelay", "Crash", "after its context ended"},
	"leaves a goroutine when killed": {"TestRelay", "Crash", "something goes on running"},
	"leaves an output open":          {"TestRelay", "Crash", "readers or writers are left open"},
	"hangs when it resumes":          {"TestRelay", "Crash", "the attempt hangs"},
	"hides that it was overtaken":    {"TestRelay", "Zombie", "want checkpoint.overtaken"},
	"takes its outputs away":         {"TestRelay", "Zombie", "then went on: output"},
	"remembers in the process":       {"TestRelay", "Tamper", "with a state of an older version: another result"},
	"trusts its state":               {"TestRelay", "Tamper", "another result"},
	"trips over its state":           {"TestRelay", "Tamper", "panics"},
	"reads all again":                {"TestRelay", "Resume", "are read again"},
	"never offers":                   {"TestRelay", "Resume", "no place was saved"},

	"no effect":             {"TestCourier", "Crash", "other effects"},
	"verifies nothing":      {"TestCourier", "Crash", "other effects"},
	"unstable keys":         {"TestCourier", "Crash", "other effects"},
	"undeclared doubt":      {"TestCourier", "Crash", "the attempt fails"},
	"no effect of a zombie": {"TestCourier", "Zombie", "other effects"},
}

// TestCatches checks that the kit finds what is wrong with each, where it should,
// and that it says how to see it again.
func TestCatches(t *testing.T) {
	for broken, found := range zoo {
		t.Run(broken, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+found.test+"$/^"+found.in+"$")
			if testing.Short() && (found.in == "Resume" || found.in == "Memory") {
				cmd.Args = append(cmd.Args, "-test.short") // smaller files show it as well
			}
			cmd.Env = append(os.Environ(), breakVariable+"="+broken)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), found.complaint) {
				t.Errorf("the kit does not see it: %v\n%s", err, out)
			}
			if found.test != "TestSound" && !strings.Contains(string(out), "seed ") && found.complaint != "something goes on running" {
				t.Errorf("the kit does not say its seed:\n%s", out)
			}
		})
	}
}
