package events_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
)

// Each subject is spelled as documented, and the filter of its stream matches it.
func TestSubjects(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ got, want, filter string }{
		{events.SubmitSubject("t", "p"), "millrace.submit.t.p", events.AllSubmit},
		{events.WorkSubject("s", "t", "j", "x"), "millrace.work.s.t.j.x", events.AllWork},
		{events.WorkSubject("s", "t", "j", "x"), "millrace.work.s.t.j.x", events.WorkOf("s")},
		{events.WorkSubject("s", "t", "j", "x"), "millrace.work.s.t.j.x", events.WorkOfStep("t", "j", "x")},
		{events.UndoSubject("s", "t", "j", "x"), "millrace.undo.s.t.j.x", events.AllUndo},
		{events.UndoSubject("s", "t", "j", "x"), "millrace.undo.s.t.j.x", events.UndoOf("s")},
		{events.UndoSubject("s", "t", "j", "x"), "millrace.undo.s.t.j.x", events.UndoOfStep("t", "j", "x")},
		{events.TimerSubject("t", "j", "x"), "millrace.timer.t.j.x", events.AllTimers},
		{events.DueSubject("t", "j"), "millrace.due.t.j", events.AllDue},
		{events.OutcomeSubject("s", "t", "j", "x"), "millrace.outcome.s.t.j.x", events.AllOutcomes},
		{events.OutcomeSubject("s", "t", "j", "x"), "millrace.outcome.s.t.j.x", events.OutcomeOfStep("t", "j", "x")},
		{events.ControlSubject("t", "j"), "millrace.control.t.j", events.AllControl},
		{events.EventSubject("t", "p", "j", events.KindStep), "millrace.events.t.p.j.step", events.AllEvents},
		{events.EventSubject("t", "p", "j", events.KindJob), "millrace.events.t.p.j.job", events.HistoryFilter("t", "j")},
		{events.EventSubject("t", "p", "j", events.KindUndo), "millrace.events.t.p.j.undo", events.LiveSource},
		{events.LiveSubject("t", "j", events.KindJob), "millrace.live.t.j.job", events.LiveOf("t", "j")},
		{events.CheckpointSubject("t", "j", "x"), "millrace.checkpoint.t.j.x", events.AllCheckpoints},
		{events.ProgressSubject("t", "j", "x"), "millrace.progress.t.j.x", events.AllProgress},
		{events.ProgressSubject("t", "j", "x"), "millrace.progress.t.j.x", events.ProgressOf("t", "j")},
		{events.DeadSubject("c", "t"), "millrace.dead.c.t", events.AllDead},
		{events.CancelledSubject("t", "j"), "millrace.cancelled.t.j", events.AllCancelled},
	} {
		if test.got != test.want {
			t.Errorf("got %s, want %s", test.got, test.want)
		}
		if !matches(test.filter, test.got) {
			t.Errorf("%s does not match %s", test.filter, test.got)
		}
	}
}

// matches is the broker's rule for '*', the only wildcard that events uses.
func matches(filter, subject string) bool {
	f, s := strings.Split(filter, "."), strings.Split(subject, ".")
	if len(f) != len(s) {
		return false
	}
	for i := range f {
		if f[i] != "*" && f[i] != s[i] {
			return false
		}
	}
	return true
}

// The republish rule of the broker turns the subject of a record into its live one.
func TestLiveTarget(t *testing.T) {
	t.Parallel()
	tokens := strings.Split(events.EventSubject("acme", "docs", "j1", "step"), ".")
	got := strings.NewReplacer(
		"{{wildcard(1)}}", tokens[2], "{{wildcard(3)}}", tokens[4], "{{wildcard(4)}}", tokens[5],
	).Replace(events.LiveTarget)
	if want := events.LiveSubject("acme", "j1", "step"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	got, ok := events.Tokens("millrace.submit.acme.docs", "submit", 2)
	if diff := cmp.Diff([]string{"acme", "docs"}, got); diff != "" || !ok {
		t.Errorf("ok %v (-want +got)\n%s", ok, diff)
	}
	for _, bad := range []string{
		"", "millrace", "millrace.submit", "millrace.submit.", "millrace.submit.a", "millrace.submit.a.b.c",
		"millrace.submit.a.", "millrace.submit..b", "millrace.submit.A.b", "millrace.submit.a.*", "millrace.submit.a.>",
		"millrace.submitted.a.b", "other.submit.a.b", "millrace.work.a.b", "millrace.submit.a.b\n",
		"millrace.submit.a." + strings.Repeat("x", 65),
	} {
		if tokens, ok := events.Tokens(bad, "submit", 2); ok {
			t.Errorf("%q gives %v", bad, tokens)
		}
	}
}

func TestValidToken(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a", "0", "_", "-", "a-b_c9", strings.Repeat("x", 64)} {
		if !events.ValidToken(s) {
			t.Errorf("%q is refused", s)
		}
	}
	for _, s := range []string{"", "A", "a.b", "*", ">", " ", "a b", "ä", "a\x00", strings.Repeat("x", 65)} {
		if events.ValidToken(s) {
			t.Errorf("%q is taken", s)
		}
	}
}

// No two things have the same message id.
func TestMessageIDsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	add := func(what, id string) {
		if other, taken := seen[id]; taken {
			t.Errorf("%s and %s are both %s", what, other, id)
		}
		seen[id] = what
	}
	for _, step := range []string{"undo", "timer", "a"} {
		for attempt := 1; attempt <= 2; attempt++ {
			for reissue := range 3 {
				add("work", events.WorkID("t", "j", step, attempt, reissue))
				add("undo", events.UndoID("t", "j", step, attempt, reissue))
				add("timer", events.TimerID("t", "j", step, attempt, reissue))
			}
			for _, v := range []events.Verdict{events.VerdictSucceeded, events.VerdictFailed} {
				add("outcome", events.OutcomeID("t", "j", step, false, attempt, v))
				add("outcome of an undo", events.OutcomeID("t", "j", step, true, attempt, v))
			}
		}
	}
	for revision := range uint64(3) {
		add("record", events.RecordID("t", "j", revision))
	}
	add("dead letter", events.DeadID("S", 1))
}

func TestJobID(t *testing.T) {
	t.Parallel()
	if got := events.JobID("default", "invoice-7"); got != "rcddwuzuja2w7bi626ddqmmtoa" {
		t.Errorf("the documented id is another: %s", got)
	}
	if events.JobID("a", "bc") == events.JobID("ab", "c") {
		t.Error("two tenants share a job")
	}
	if id := events.JobID("", strings.Repeat("x", 255)); !events.ValidToken(id) || len(id) != 26 {
		t.Errorf("%q is no token of 26", id)
	}
}

func TestEnvelopeNames(t *testing.T) {
	t.Parallel()
	if got := events.CEType("job.accepted"); got != "dev.millrace.job.accepted.v1" {
		t.Error(got)
	}
	if got := events.DataSchema("record"); got != "https://millrace.dev/schemas/record.v1.json" {
		t.Error(got)
	}
	if events.StageConsumer("hash") != "stage-hash" || events.UndoConsumer("hash") != "undo-hash" {
		t.Error("the consumers of a stage have other names")
	}
}
