package brokeruser_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nkeys"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/pkg/fault"
)

// everyRole is one of each kind.
func everyRole() []brokeruser.Role {
	return append(brokeruser.Fixed(),
		brokeruser.Stage("hash"), brokeruser.Submitter("acme"), brokeruser.Reader("acme"))
}

// matches reports whether a pattern of a right covers a subject or a narrower pattern.
func matches(pattern, subject string) bool {
	p, s := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i, token := range p {
		switch {
		case token == ">":
			return len(s) > i
		case i >= len(s), token != "*" && token != s[i]:
			return false
		}
	}
	return len(p) == len(s)
}

// may reports whether one of the rights covers a subject.
func may(rights []string, subject string) bool {
	return slices.ContainsFunc(rights, func(r string) bool { return matches(r, subject) })
}

// TestWhoMay says of each thing who may do it, and that nobody else may.
func TestWhoMay(t *testing.T) {
	t.Parallel()
	const api = "$JS.API."
	tests := []struct {
		subject string
		want    string
	}{
		{events.EventSubject("acme", "p", "j", events.KindJob), "conductor"},
		{events.WorkSubject("hash", "acme", "j", "s"), "conductor gateway"},
		{events.TimerSubject("acme", "j", "s"), "conductor"},
		{events.OutcomeSubject("hash", "acme", "j", "s"), "gateway stage:hash"},
		{events.OutcomeSubject("publish", "acme", "j", "s"), "gateway"},
		{events.CheckpointSubject("acme", "j", "s"), "conductor stage:hash"},
		{events.EffectSubject("acme", "j", "s", "e"), "stage:hash"},
		{events.SubmitSubject("acme", "p"), "gateway submit:acme"},
		{events.SubmitSubject("other", "p"), "gateway"},
		{events.ControlSubject("acme", "j"), "gateway"},
		{events.AuditSubject(true, "acme", "x"), "gateway"},
		{events.DeliverySubject("acme", "e", "j"), "notifier"},
		{events.DeadSubject(events.StageConsumer("hash"), "acme"), "stage:hash"},
		{"$KV." + events.BucketCredentials + ".k", "gateway"},
		{"$KV." + events.BucketRules + ".k", "gateway"},
		{api + "DIRECT.GET.KV_" + events.BucketCredentials, "gateway"},
		{api + "DIRECT.GET." + events.StreamEvents, "conductor gateway notifier"},
		{api + "STREAM.MSG.GET." + events.StreamEvents, "conductor gateway notifier stage:hash"},
		{api + "CONSUMER.CREATE." + events.StreamQueue + ".x", "setup"},
		{api + "CONSUMER.CREATE." + events.StreamEvents + ".x", "setup conductor gateway notifier"},
		{api + "CONSUMER.MSG.NEXT." + events.StreamQueue + "." + events.StageConsumer("hash"), "stage:hash"},
		{api + "STREAM.CREATE." + events.StreamEvents, "setup"},
		{api + "STREAM.UPDATE." + events.StreamEvents, "setup"},
		{api + "STREAM.DELETE." + events.StreamEvents, ""},
		{api + "STREAM.PURGE." + events.StreamEvents, ""},
		{api + "STREAM.PURGE." + events.StreamQueue, "conductor"},
		{"_INBOX.submit.acme.x", "conductor"},
		{"_INBOX.gateway.x", "conductor notifier"},
		{"_INBOX.conductor.x", ""},
		{"_INBOX.stage.hash.x", ""},
	}
	for _, tt := range tests {
		var who []string
		for _, r := range everyRole() {
			if may(r.Rights().Publish, tt.subject) {
				who = append(who, string(r))
			}
		}
		if got := strings.Join(who, " "); got != tt.want {
			t.Errorf("%s may publish %s, want %s", got, tt.subject, tt.want)
		}
	}
}

// TestOutsidersHaveNothingHandedOut: a consumer, and a direct read, deliver what is
// stored to any subject, so that who may have that may write everywhere.
func TestOutsidersHaveNothingHandedOut(t *testing.T) {
	t.Parallel()
	for _, r := range []brokeruser.Role{brokeruser.Stage("hash"), brokeruser.Submitter("acme"), brokeruser.Reader("acme")} {
		for _, right := range r.Rights().Publish {
			for _, verb := range []string{"CONSUMER.CREATE", "CONSUMER.DURABLE", "STREAM.CREATE", "STREAM.UPDATE", "STREAM.SNAPSHOT", "DIRECT.GET"} {
				if strings.Contains(right, verb) {
					t.Errorf("%s may %s", r, right)
				}
			}
			if strings.HasPrefix(right, "*") || strings.HasPrefix(right, ">") || strings.HasPrefix(right, "$JS.>") {
				t.Errorf("%s may %s", r, right)
			}
		}
	}
}

func TestInboxesAreApart(t *testing.T) {
	t.Parallel()
	for _, a := range append(everyRole(), brokeruser.Stage("hash2"), brokeruser.Submitter("other")) {
		for _, b := range everyRole() {
			if heard := may(b.Rights().Subscribe, a.Inbox()+".x.y"); heard != (a == b) {
				t.Errorf("%s hears the answers to %s: %v", b, a, heard)
			}
		}
	}
}

// TestStageRights is what a worker may do, in full.
func TestStageRights(t *testing.T) {
	t.Parallel()
	r := brokeruser.Stage("hash").Rights()
	if diff := cmp.Diff(strings.Fields(stageHash), append(r.Publish, r.Subscribe...)); diff != "" {
		t.Error(diff)
	}
}

const stageHash = `
$JS.ACK.MILLRACE_QUEUE.stage-hash.>
$JS.ACK.MILLRACE_QUEUE.undo-hash.>
$JS.API.CONSUMER.INFO.MILLRACE_QUEUE.stage-hash
$JS.API.CONSUMER.INFO.MILLRACE_QUEUE.undo-hash
$JS.API.CONSUMER.MSG.NEXT.MILLRACE_QUEUE.stage-hash
$JS.API.CONSUMER.MSG.NEXT.MILLRACE_QUEUE.undo-hash
$JS.API.INFO
$JS.API.STREAM.INFO.KV_millrace_breakers
$JS.API.STREAM.MSG.GET.KV_millrace_breakers
$JS.API.STREAM.MSG.GET.MILLRACE_CHECKPOINTS
$JS.API.STREAM.MSG.GET.MILLRACE_EVENTS
$KV.millrace_breakers.>
millrace.checkpoint.*.*.*
millrace.dead.stage-hash.*
millrace.dead.undo-hash.*
millrace.effect.*.*.*.*
millrace.outcome.hash.*.*.*
millrace.progress.*.*.*
$KV.millrace_breakers.>
millrace.cancelled.*.*
_INBOX.stage.hash.>
`

func TestNames(t *testing.T) {
	t.Parallel()
	for _, r := range append(everyRole(), brokeruser.Stage("csv-to-parquet")) {
		if got, err := brokeruser.Parse(string(r)); got != r || err != nil {
			t.Errorf("Parse(%q) = %q, %v", r, got, err)
		}
		if got, err := brokeruser.FromFile(r.File()); got != r || err != nil {
			t.Errorf("FromFile(%q) = %q, %v", r.File(), got, err)
		}
	}
	for _, text := range []string{"", "stage", "stage:", "stage:a.b", "stage:*", "setup:x", "admin", "read:>", "Setup"} {
		if r, err := brokeruser.Parse(text); !fault.Has(err, fault.BrokerUnknownRole) {
			t.Errorf("Parse(%q) = %q, %v", text, r, err)
		}
		if got := brokeruser.Role(text).Rights(); len(got.Publish)+len(got.Subscribe) > 0 {
			t.Errorf("%q may %v", text, got)
		}
	}
	for _, name := range []string{"setup", "stage-hash.old.nk", "users.conf", "-.nk"} {
		if r, err := brokeruser.FromFile(name); !fault.Has(err, fault.BrokerUnknownRole) {
			t.Errorf("FromFile(%q) = %q, %v", name, r, err)
		}
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, _ := pair.Seed()
	public, _ := pair.PublicKey()
	if _, got, err := brokeruser.ParseKey(append(seed, '\n')); got != public || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	account, _ := nkeys.CreateAccount()
	other, _ := account.Seed()
	for _, data := range []string{"", "SU", string(seed[:20]), string(other), public} {
		if _, _, err := brokeruser.ParseKey([]byte(data)); !fault.Has(err, fault.BrokerBadKey) || len(data) > 3 && strings.Contains(err.Error(), data) {
			t.Errorf("ParseKey(%q) = %v", data, err)
		}
	}
}

func ExampleConfig() {
	fmt.Print(brokeruser.Config([]brokeruser.User{{Role: brokeruser.Submitter("acme"), Key: "UABC"}}))
	// Output:
	// # Written by millrace broker users; changes are lost. It holds no secrets.
	// # Include it in the authorization of nats-server, or in the account of the mill:
	// #   authorization { include "users.conf" }
	// users = [
	//   # submit:acme
	//   {
	//     nkey: UABC
	//     permissions: {
	//       publish: { allow: [
	//         "millrace.submit.acme.*"
	//       ] }
	//       subscribe: { allow: [
	//         "_INBOX.submit.acme.>"
	//       ] }
	//     }
	//   }
	// ]
}
