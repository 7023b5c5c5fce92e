package bus_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

// streamFacts are the settings that promises rest on.
type streamFacts struct {
	Subjects  []string
	Retention jetstream.RetentionPolicy
	Storage   jetstream.StorageType
	Persist   jetstream.PersistModeType
	Discard   jetstream.DiscardPolicy
	Schedules bool
	Rollup    bool
	Direct    bool
	// Shortest is true for the shortest duplicate window there is.
	Shortest bool
}

func TestProvisionedStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t, bustest.ServerOptions{})
	c := bustest.Connect(t, w.server)
	if err := c.Provision(t.Context(), bus.Streams{Derived: bus.DerivedAsync}); err != nil {
		t.Fatal(err)
	}
	const async, synced = jetstream.AsyncPersistMode, jetstream.DefaultPersistMode
	const queue, limits = jetstream.WorkQueuePolicy, jetstream.LimitsPolicy
	want := map[string]streamFacts{
		events.StreamIntake: {
			Subjects: []string{events.AllSubmit, events.IntakeKeeper}, Retention: queue, Persist: synced,
			Discard: jetstream.DiscardNew, Direct: true, Shortest: true,
		},
		events.StreamQueue: {
			Subjects:  []string{events.AllWork, events.AllUndo, events.AllTimers, events.AllDue},
			Retention: queue, Persist: async, Schedules: true, Rollup: true, Direct: true,
		},
		events.StreamOutcomes: {
			Subjects: []string{events.AllOutcomes}, Retention: queue, Persist: async,
			Direct: true,
		},
		events.StreamControl: {
			Subjects: []string{events.AllControl}, Retention: queue, Persist: synced,
			Direct: true,
		},
		events.StreamEvents: {
			Subjects: []string{events.AllEvents}, Retention: limits, Persist: synced,
			Direct: true,
		},
		events.StreamCheckpoints: {
			Subjects: []string{events.AllCheckpoints, events.AllEffects}, Retention: limits, Persist: synced,
			Direct: true,
		},
		events.StreamProgress: {
			Subjects: []string{events.AllProgress}, Retention: limits,
			Storage: jetstream.MemoryStorage, Direct: true, Shortest: true,
		},
		events.StreamDead: {
			Subjects: []string{events.AllDead}, Retention: limits, Persist: synced,
			Direct: true,
		},
		events.StreamDeliveries: {
			Subjects: []string{events.AllDeliveries}, Retention: limits, Persist: async,
			Direct: true, Shortest: true,
		},
		events.StreamAudit: {
			Subjects: []string{events.AllAudit}, Retention: limits, Persist: synced,
			Direct: true,
		},
	}
	got := map[string]streamFacts{}
	for name := range want {
		s, err := w.js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		c := s.CachedInfo().Config
		got[name] = streamFacts{
			c.Subjects, c.Retention, c.Storage, c.PersistMode, c.Discard,
			c.AllowMsgSchedules, c.AllowRollup, c.AllowDirect, c.Duplicates == 100*time.Millisecond,
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("streams (-want +got):\n%s", diff)
	}
}

func TestProvisionAgain(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	submit(t, c, 3)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			other := bustest.Connect(t, w.server)
			if err := other.Provision(t.Context(), bus.Streams{Retention: time.Hour}); err != nil {
				t.Errorf("provision at the same time: %v", err)
			}
			o := bus.StageConsumer{AckWait: time.Second, MaxAckPending: 7}
			if err := other.ProvisionStage(t.Context(), "hash", o); err != nil {
				t.Errorf("provision a stage at the same time: %v", err)
			}
		})
	}
	wg.Wait()
	s, err := w.js.Stream(t.Context(), events.StreamEvents)
	if err != nil {
		t.Fatal(err)
	}
	if age := s.CachedInfo().Config.MaxAge; age != time.Hour {
		t.Errorf("retention after the update: %v, want 1h", age)
	}
	if s, err = w.js.Stream(t.Context(), events.StreamIntake); err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != 3 {
		t.Errorf("messages after provisioning again: %d, want 3", n)
	}
	for _, name := range []string{events.StageConsumer("hash"), events.UndoConsumer("hash")} {
		cons, err := w.js.Consumer(t.Context(), events.StreamQueue, name)
		if err != nil {
			t.Fatal(err)
		}
		cfg := cons.CachedInfo().Config
		if cfg.AckWait != time.Second || cfg.MaxAckPending != 7 || cfg.MaxDeliver != -1 {
			t.Errorf("consumer %s: %+v", name, cfg)
		}
	}
}

// How a stream is stored cannot be changed once it is there: a mill that is
// started with another setting goes on with the streams it has.
func TestProvisionKeepsHowADerivedStreamIsWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, bustest.ServerOptions{})
	c := bustest.Connect(t, w.server)
	for _, derived := range []string{bus.DerivedSync, bus.DerivedAsync, bus.DerivedMemory, ""} {
		if err := c.Provision(t.Context(), bus.Streams{Derived: derived}); err != nil {
			t.Fatalf("derived streams %s: %v", derived, err)
		}
		s, err := w.js.Stream(t.Context(), events.StreamQueue)
		if err != nil {
			t.Fatal(err)
		}
		cfg := s.CachedInfo().Config
		if cfg.PersistMode != jetstream.DefaultPersistMode || cfg.Storage != jetstream.FileStorage {
			t.Errorf("derived streams %s: the queue is written %v to %v", derived, cfg.PersistMode, cfg.Storage)
		}
	}
	if err := c.Provision(t.Context(), bus.Streams{Derived: "often"}); !fault.Has(err, fault.BusProvisionFailed) {
		t.Errorf("derived streams often: %v, want bus.provision_failed", err)
	}
}

func TestProvisionMakesADeletedStreamAgain(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	for _, name := range []string{
		events.StreamQueue, events.StreamOutcomes, events.StreamProgress, "KV_" + events.BucketPipelines,
	} {
		if err := w.js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	for stream, durable := range map[string]string{
		events.StreamQueue: events.ConsumerDue, events.StreamOutcomes: events.ConsumerOutcomes,
	} {
		if _, err := w.js.Consumer(t.Context(), stream, durable); err != nil {
			t.Errorf("consumer %s of %s: %v", durable, stream, err)
		}
	}
	for _, bucket := range []string{
		events.BucketPipelines, events.BucketRules, events.BucketDeadLetters, events.BucketOperations,
		events.BucketEndpoints, events.BucketUploads, events.BucketCredentials,
	} {
		if _, err := c.KV(t.Context(), bucket); err != nil {
			t.Errorf("bucket %s: %v", bucket, err)
		}
	}
}

func TestProvisionLeavesForeignStreamsAlone(t *testing.T) {
	t.Parallel()
	cases := map[string]jetstream.StreamConfig{
		"same name":     {Name: events.StreamQueue, Subjects: []string{"orders.>"}},
		"same subjects": {Name: "OTHER", Subjects: []string{"millrace.>"}},
	}
	for name, foreign := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, bustest.ServerOptions{})
			if _, err := w.js.CreateStream(t.Context(), foreign); err != nil {
				t.Fatal(err)
			}
			err := bustest.Connect(t, w.server).Provision(t.Context(), bus.Streams{})
			if !fault.Has(err, fault.BusProvisionFailed) {
				t.Fatalf("%v, want bus.provision_failed", err)
			}
			s, err := w.js.Stream(t.Context(), foreign.Name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(foreign.Subjects, s.CachedInfo().Config.Subjects); diff != "" {
				t.Errorf("the foreign stream was changed:\n%s", diff)
			}
		})
	}
}

func TestProvisionStageWantsAName(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	for _, stage := range []string{"", "a.b", "*", "Über", "x y"} {
		if err := c.ProvisionStage(t.Context(), stage, bus.StageConsumer{}); !fault.Has(err, fault.BusProvisionFailed) {
			t.Errorf("stage %q: %v, want bus.provision_failed", stage, err)
		}
	}
}

// More than one copy is safety enough, and cannot be had together with async.
func TestProvisionOnAClusterOfOneAsksForTooMuch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, bustest.ServerOptions{})
	err := bustest.Connect(t, w.server).Provision(t.Context(), bus.Streams{Replicas: 3})
	if !fault.Has(err, fault.BusProvisionFailed) {
		t.Fatalf("three replicas on one broker: %v, want bus.provision_failed", err)
	}
}
