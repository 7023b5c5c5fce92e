package brokeruser

import (
	"slices"

	"github.com/millrace/millrace/events"
)

// Rights are the subjects that a user may publish to and subscribe to, wildcards
// included. There is nothing else that it may.
type Rights struct{ Publish, Subscribe []string }

// anyToken stands for every value of one token.
const anyToken = "*"

// Rights returns what a role may do. A role that [Parse] would refuse may do nothing.
// This is the table: every line says what for.
func (r Role) Rights() Rights {
	if _, err := Parse(string(r)); err != nil {
		return Rights{}
	}
	kind, name := r.split()
	var out Rights
	switch kind {
	case string(Setup):
		out = setup()
	case string(Conductor):
		out = conductor()
	case string(Gateway):
		out = gateway()
	case string(Notifier):
		out = notifier()
	case kindStage:
		out = stage(name)
	case kindSubmit:
		out = Rights{Publish: []string{events.SubmitSubject(name, anyToken)}}
	case kindRead:
		out = reader(name)
	}
	out.Subscribe = append(out.Subscribe, r.Inbox()+".>")
	slices.Sort(out.Publish)
	out.Publish = slices.Compact(out.Publish)
	return out
}

// setup may make and change what there is, and look whether it is there.
func setup() Rights {
	publish := []string{accountInfo}
	for _, stream := range allStreams() {
		publish = append(publish, makes(stream)...)
	}
	return Rights{Publish: publish}
}

func conductor() Rights {
	publish := slices.Concat(
		[]string{accountInfo},
		// what it decides
		[]string{events.AllEvents, events.AllWork, events.AllUndo, events.AllTimers},
		// attempts that are not wanted any more: a signal, and the end of their checkpoints
		[]string{events.AllCancelled, events.AllCheckpoints},
		// answers to those who hand in jobs, and nobody else
		[]string{Gateway.Inbox() + ".>", "_INBOX." + kindSubmit + ".>"},
		// what comes in, and what of it cannot be handled
		pulls(events.StreamIntake, events.ConsumerIntake),
		pulls(events.StreamOutcomes, events.ConsumerOutcomes),
		pulls(events.StreamControl, events.ConsumerControl),
		pulls(events.StreamQueue, events.ConsumerDue),
		// what has been decided, and where a job stands
		reads(events.StreamEvents), scans(events.StreamEvents),
		// work that is not wanted any more, and a message that keeps the intake from
		// running empty
		purges(events.StreamQueue), purges(events.StreamOutcomes),
		[]string{events.IntakeKeeper}, purges(events.StreamIntake),
		gets(events.BucketPipelines),
		gets(events.BucketRules), watches(events.BucketRules),
		waits(), looks(events.StreamDead),
		[]string{consumerInfo(events.StreamQueue, anyToken), consumerInfo(events.StreamOutcomes, anyToken)},
	)
	return Rights{Publish: publish}
}

// waits is for what waits for whom, and whether it is still there.
func waits() (all []string) {
	for _, stream := range events.WorkStreams() {
		all = append(all, slices.Concat(looks(stream), reads(stream), lists(stream))...)
	}
	return all
}

// gateway may put in everything that a person may have it put in: jobs, commands, and
// dead letters that go back to where they were found. Of events it only reads.
func gateway() Rights {
	publish := []string{
		accountInfo, events.AllSubmit, events.AllControl, events.AllAudit, events.AllHookTests,
		events.AllWork, events.AllUndo, events.AllDue, events.AllOutcomes, // redriven
	}
	for _, stream := range []string{
		events.StreamEvents, events.StreamCheckpoints, events.StreamDead, events.StreamDeliveries, events.StreamAudit,
	} {
		publish = append(publish, slices.Concat(looks(stream), reads(stream), scans(stream))...)
	}
	publish = append(publish, waits()...)
	for _, bucket := range events.Buckets() {
		publish = append(publish, slices.Concat(gets(bucket), watches(bucket), puts(bucket))...)
	}
	return Rights{
		Publish:   publish,
		Subscribe: []string{events.AllLive, events.AllProgress, events.AllDead},
	}
}

func notifier() Rights {
	return Rights{
		Publish: slices.Concat(
			[]string{accountInfo, events.AllDeliveries},
			[]string{Gateway.Inbox() + ".>"}, // answers to tests
			looks(events.StreamEvents), reads(events.StreamEvents), scans(events.StreamEvents),
			gets(events.BucketEndpoints), watches(events.BucketEndpoints), puts(events.BucketEndpoints),
		),
		Subscribe: []string{events.AllHookTests},
	}
}

// stage may make no consumer, and read nothing that is handed out as it is: see the
// package comment.
func stage(name string) Rights {
	return Rights{
		Publish: slices.Concat(
			[]string{accountInfo},
			pulls(events.StreamQueue, events.StageConsumer(name)),
			pulls(events.StreamQueue, events.UndoConsumer(name)),
			[]string{events.OutcomeSubject(name, anyToken, anyToken, anyToken), events.AllProgress},
			// where it goes on after a crash, and what it did outside
			[]string{events.AllCheckpoints, events.AllEffects}, asks(events.StreamCheckpoints),
			// whether the job still waits for it
			asks(events.StreamEvents),
			// what workers make of dependencies
			looks(streamOf(events.BucketBreakers)), asks(streamOf(events.BucketBreakers)), puts(events.BucketBreakers),
		),
		Subscribe: append(puts(events.BucketBreakers), events.AllCancelled),
	}
}

// reader asks nothing: it hears.
func reader(tenant string) Rights {
	return Rights{Subscribe: []string{
		events.EventSubject(tenant, anyToken, anyToken, anyToken),
		events.LiveSubject(tenant, anyToken, anyToken), events.ProgressSubject(tenant, anyToken, anyToken),
	}}
}
