package rulebook_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/rulebook"
)

// follow keeps a book up to date until the test ends.
func follow(t *testing.T, b *rulebook.Book) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// speaks returns the rule that speaks about a fault of the CRM.
func speaks(b *rulebook.Book) string {
	f := &events.Fault{Code: "fetch.server_error", Class: "transient", Dependency: "http:crm.example.com"}
	g := b.Rules().Rule(f, "fetch@1", "p", "default", time.Now())
	if g == nil {
		return ""
	}
	return g.Rule
}

func awaitRule(t *testing.T, b *rulebook.Book, want string) {
	t.Helper()
	for range 1000 {
		if speaks(b) == want {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatalf("%q speaks, want %q", speaks(b), want)
}

func TestEveryBookHasEveryChange(t *testing.T) {
	t.Parallel()
	kv := bucket(t)
	writer := rulebook.New(kv, rulebook.Options{})
	set(t, writer, down("before"), rulebook.When{})
	if writer.Rules().Len() != 0 {
		t.Error("a book that was not read has rules")
	}
	if err := writer.Read(t.Context()); err != nil || speaks(writer) != "before" {
		t.Errorf("after Read %q speaks: %v", speaks(writer), err)
	}
	books := []*rulebook.Book{rulebook.New(kv, rulebook.Options{}), rulebook.New(kv, rulebook.Options{Renew: 20 * time.Millisecond})}
	for _, b := range books {
		follow(t, b)
		awaitRule(t, b, "before")
	}
	special := down("special")
	special.Match.Code = "fetch.*"
	set(t, writer, special, rulebook.When{})
	for _, b := range books {
		awaitRule(t, b, "special")
	}
	remove(t, writer, "special")
	for _, b := range books {
		awaitRule(t, b, "before")
	}
	if err := kv.Delete(t.Context(), "before"); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), "broken", []byte("{")); err != nil {
		t.Fatal(err)
	}
	for _, b := range books {
		awaitRule(t, b, "")
	}
}

// flaky is a bucket that cannot be watched at times.
type flaky struct {
	*bus.KV
	away  atomic.Bool
	tries atomic.Int64
}

func (f *flaky) Watch(ctx context.Context, pattern string, fn func(*bus.Entry) error) error {
	f.tries.Add(1)
	if f.away.Load() {
		return errors.New("away")
	}
	return f.KV.Watch(ctx, pattern, fn)
}

func TestTheLastRulesKnownStay(t *testing.T) {
	t.Parallel()
	kv := &flaky{KV: bucket(t)}
	writer := rulebook.New(kv, rulebook.Options{})
	set(t, writer, down("crm"), rulebook.When{})
	b := rulebook.New(kv, rulebook.Options{Renew: 50 * time.Millisecond, Pause: 32 * time.Millisecond, Log: bustest.Log(t)})
	follow(t, b)
	awaitRule(t, b, "crm")
	more := func() {
		for before := kv.tries.Load(); kv.tries.Load() < before+3; {
			<-time.After(5 * time.Millisecond)
		}
	}
	kv.away.Store(true)
	more() // the watch that was open has ended
	remove(t, writer, "crm")
	more()
	if err := b.Read(t.Context()); err == nil || err.Error() != "away" {
		t.Errorf("Read: %v", err)
	}
	if list, err := b.List(t.Context()); err == nil {
		t.Errorf("List: %v", list)
	}
	if got := speaks(b); got != "crm" {
		t.Errorf("while the bucket cannot be read %q speaks", got)
	}
	kv.away.Store(false)
	awaitRule(t, b, "")
}

// A broker that restarts keeps the rules, and books go on with what they know
// meanwhile.
func TestRulesSurviveTheBroker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := bustest.Server(t, bustest.ServerOptions{StoreDir: dir, Listen: true})
	port := s.Addr().(*net.TCPAddr).Port
	c := bustest.ConnectWith(t, bus.Options{URL: s.ClientURL(), Log: bustest.Log(t)})
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	kv, err := c.KV(t.Context(), events.BucketRules)
	if err != nil {
		t.Fatal(err)
	}
	b := rulebook.New(kv, rulebook.Options{Renew: 300 * time.Millisecond, Pause: 100 * time.Millisecond})
	set(t, b, down("crm"), rulebook.When{})
	follow(t, b)
	awaitRule(t, b, "crm")
	bustest.Shutdown(s)
	if got := speaks(b); got != "crm" {
		t.Errorf("without a broker %q speaks", got)
	}
	bustest.Server(t, bustest.ServerOptions{StoreDir: dir, Listen: true, Port: port})
	special := down("special")
	special.Match.Code = "fetch.*"
	for try := 0; ; try++ {
		_, _, _, err := b.Set(t.Context(), special, rulebook.When{})
		if err == nil {
			break
		}
		if try == 100 {
			t.Fatal(err)
		}
		<-time.After(50 * time.Millisecond)
	}
	awaitRule(t, b, "special")
	if got := names(t, b); got != "crm special" {
		t.Errorf("after the restart: %s", got)
	}
}
