package bus

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/events"
)

// Streams say how the streams of a mill are kept.
type Streams struct {
	// Replicas is how many nodes hold each stream, 1 to 5. Zero means 1.
	Replicas int
	// Retention is how long finished jobs are remembered. Zero means 30 days.
	Retention time.Duration
	// Derived says how the streams are written that can be rebuilt from the
	// events: DerivedMemory, DerivedAsync or DerivedSync. Empty means
	// DerivedMemory. It counts
	// when a stream is made and is not changed afterwards.
	Derived string
	// AckWait is how long after its last sign of life a conductor's message
	// goes to another conductor. Zero means 2.5 seconds.
	AckWait time.Duration
}

// Values of Streams.Derived.
const (
	// DerivedMemory keeps derived streams in the broker's memory. They are gone
	// when it ends, and made again from the events. On disk, a work queue that
	// runs empty costs the broker a file made and a file removed each time.
	DerivedMemory = "memory"
	// DerivedAsync does not sync each write to disk, which is what makes one
	// synced record per transition the whole price. It needs one replica; with
	// more the replicas are the safety.
	DerivedAsync = "async"
	// DerivedSync writes derived streams like the others.
	DerivedSync = "sync"
)

const (
	defaultRetention = 30 * 24 * time.Hour
	deadRetention    = 30 * 24 * time.Hour
	progressAge      = 10 * time.Minute
	deadBytes        = 1 << 30
	deliveryAge      = 14 * 24 * time.Hour
	deliveryBytes    = 256 << 20
	auditAge         = 400 * 24 * time.Hour
	auditBytes       = 1 << 30
	intakeBytes      = 1 << 30
	intakeMessages   = 100_000
	keptCheckpoints  = 5

	// shortWindow is the shortest duplicate window that JetStream takes.
	shortWindow = 100 * time.Millisecond
	// eventWindow suffices for a client's own retries. The fence does the rest,
	// and each id in the window costs about 145 bytes.
	eventWindow = 10 * time.Second
	// workWindow is the first net under repeated work and outcomes.
	workWindow = 20 * time.Second
)

// managedKey marks streams and consumers that this package made, so that it
// never takes over one of another program.
const managedKey = "millrace.dev.managed"

func (s Streams) withDefaults() Streams {
	if s.Replicas <= 0 {
		s.Replicas = 1
	}
	if s.Retention <= 0 {
		s.Retention = defaultRetention
	}
	if s.Derived == "" {
		s.Derived = DerivedMemory
	}
	return s
}

// configs lists every stream.
func (s Streams) configs() []jetstream.StreamConfig {
	all := []jetstream.StreamConfig{
		s.intake(), s.queue(), s.outcomes(), s.control(),
		s.events(), s.checkpoints(), s.progress(), s.dead(), s.deliveries(), s.audit(),
	}
	for i := range all {
		all[i].Replicas = s.Replicas
		all[i].Metadata = map[string]string{managedKey: "true"}
	}
	return all
}

// derivedStorage is where a stream that can be rebuilt is kept.
func (s Streams) derivedStorage() jetstream.StorageType {
	if s.Derived == DerivedMemory {
		return jetstream.MemoryStorage
	}
	return jetstream.FileStorage
}

// derivedMode is the persistence of a stream that can be rebuilt.
func (s Streams) derivedMode() jetstream.PersistModeType {
	if s.Derived == DerivedAsync && s.Replicas == 1 {
		return jetstream.AsyncPersistMode
	}
	return jetstream.DefaultPersistMode
}

// intake is bounded and refuses what is too much, so that the submitter feels
// it. Its duplicate window is as short as can be: a repeated submission has to
// reach the conductor to be answered with the outcome of the first.
func (s Streams) intake() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        events.StreamIntake,
		Description: "Jobs handed in and not yet accepted.",
		Subjects:    []string{events.AllSubmit, events.IntakeKeeper},
		Retention:   jetstream.WorkQueuePolicy,
		Discard:     jetstream.DiscardNew,
		MaxMsgs:     intakeMessages,
		MaxBytes:    intakeBytes,
		Duplicates:  shortWindow,
		AllowDirect: true,
	}
}

func (s Streams) queue() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              events.StreamQueue,
		Description:       "Steps to do or to undo, and timers. Only the conductor writes here.",
		Subjects:          []string{events.AllWork, events.AllUndo, events.AllTimers, events.AllDue},
		Retention:         jetstream.WorkQueuePolicy,
		Storage:           s.derivedStorage(),
		PersistMode:       s.derivedMode(),
		Duplicates:        workWindow,
		AllowDirect:       true,
		AllowMsgSchedules: true,
		// The broker sets it together with schedules; saying so keeps the
		// comparison with what exists simple.
		AllowRollup: true,
	}
}

// outcomes has neither schedules nor rollup: with those, whoever may write into
// a stream can reach or wipe all of it.
func (s Streams) outcomes() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        events.StreamOutcomes,
		Description: "Answers of stages.",
		Subjects:    []string{events.AllOutcomes},
		Retention:   jetstream.WorkQueuePolicy,
		Storage:     s.derivedStorage(),
		PersistMode: s.derivedMode(),
		Duplicates:  workWindow,
		AllowDirect: true,
	}
}

func (s Streams) control() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        events.StreamControl,
		Description: "Commands to jobs.",
		Subjects:    []string{events.AllControl},
		Retention:   jetstream.WorkQueuePolicy,
		Duplicates:  eventWindow,
		AllowDirect: true,
	}
}

func (s Streams) events() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        events.StreamEvents,
		Description: "What happened to every job: the only truth.",
		Subjects:    []string{events.AllEvents},
		Retention:   jetstream.LimitsPolicy,
		MaxAge:      s.Retention,
		Duplicates:  eventWindow,
		DenyDelete:  true,
		AllowDirect: true,
		// For group commits; see [Committer].
		AllowAtomicPublish: true,
		RePublish: &jetstream.RePublish{
			Source: events.LiveSource, Destination: events.LiveTarget,
		},
	}
}

func (s Streams) checkpoints() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              events.StreamCheckpoints,
		Description:       "Where a step resumes from, and what it did outside.",
		Subjects:          []string{events.AllCheckpoints, events.AllEffects},
		Retention:         jetstream.LimitsPolicy,
		MaxMsgsPerSubject: keptCheckpoints,
		MaxAge:            s.Retention,
		Duplicates:        eventWindow,
		AllowDirect:       true,
	}
}

func (s Streams) progress() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              events.StreamProgress,
		Description:       "How far each running step is. May be lost.",
		Subjects:          []string{events.AllProgress},
		Retention:         jetstream.LimitsPolicy,
		Storage:           jetstream.MemoryStorage,
		MaxMsgsPerSubject: 1,
		MaxAge:            progressAge,
		Duplicates:        shortWindow,
		AllowDirect:       true,
	}
}

func (s Streams) dead() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        events.StreamDead,
		Description: "Messages that no consumer could handle, for people.",
		Subjects:    []string{events.AllDead},
		Retention:   jetstream.LimitsPolicy,
		MaxAge:      deadRetention,
		MaxBytes:    deadBytes,
		Discard:     jetstream.DiscardOld,
		Duplicates:  workWindow,
		AllowDirect: true,
	}
}

// deliveries is for people: losing its end to a power cut costs nothing but lines of
// a log. What was delivered is known from the endpoint's place.
func (s Streams) deliveries() jetstream.StreamConfig {
	cfg := jetstream.StreamConfig{
		Name:        events.StreamDeliveries,
		Description: "What became of each attempt to send an event.",
		Subjects:    []string{events.AllDeliveries},
		Retention:   jetstream.LimitsPolicy,
		MaxAge:      deliveryAge,
		MaxBytes:    deliveryBytes,
		Discard:     jetstream.DiscardOld,
		Duplicates:  shortWindow,
		AllowDirect: true,
	}
	if s.Replicas == 1 {
		cfg.PersistMode = jetstream.AsyncPersistMode
	}
	return cfg
}

// audit is written before anything is done and after, synced, and never rewritten. Should
// it ever be full, the oldest make room: a mill that could not be controlled for want of
// it would be worse.
func (s Streams) audit() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        events.StreamAudit,
		Description: "Who decided and changed what, and why.",
		Subjects:    []string{events.AllAudit},
		Retention:   jetstream.LimitsPolicy,
		MaxAge:      auditAge,
		MaxBytes:    auditBytes,
		Discard:     jetstream.DiscardOld,
		DenyDelete:  true,
		DenyPurge:   true,
		Duplicates:  eventWindow,
		AllowDirect: true,
	}
}
