package brokeruser

import "github.com/millrace/millrace/events"

// Subjects of JetStream's own API.
const (
	api         = "$JS.API."
	accountInfo = api + "INFO"
)

// allStreams lists the streams of a mill, with those that hold buckets.
func allStreams() []string {
	all := []string{
		events.StreamIntake, events.StreamQueue, events.StreamOutcomes, events.StreamControl,
		events.StreamEvents, events.StreamCheckpoints, events.StreamProgress, events.StreamDead,
		events.StreamDeliveries, events.StreamAudit,
	}
	for _, bucket := range events.Buckets() {
		all = append(all, streamOf(bucket))
	}
	return all
}

// streamOf names the stream that holds a bucket.
func streamOf(bucket string) string { return "KV_" + bucket }

// makes is for making a stream and its consumers, and for changing them.
func makes(stream string) []string {
	return append(looks(stream),
		api+"STREAM.CREATE."+stream, api+"STREAM.UPDATE."+stream,
		api+"CONSUMER.CREATE."+stream+".>", consumerInfo(stream, anyToken))
}

// looks is for what a stream holds in all: how many messages, from when to when.
func looks(stream string) []string { return []string{api + "STREAM.INFO." + stream} }

// asks is for single messages, by subject or sequence, in an answer of the leader's that
// holds them in words of its own.
func asks(stream string) []string { return []string{api + "STREAM.MSG.GET." + stream} }

// reads is for single messages as they are, of any replica or of the leader.
func reads(stream string) []string {
	direct := api + "DIRECT.GET." + stream
	return append(asks(stream), direct, direct+".>")
}

// scans is for reading a stream through a consumer of one's own that is soon gone.
func scans(stream string) []string {
	return []string{
		api + "CONSUMER.CREATE." + stream + ".>", api + "CONSUMER.MSG.NEXT." + stream + ".*",
		api + "CONSUMER.DELETE." + stream + ".*", consumerInfo(stream, anyToken),
	}
}

// lists is for what the consumers of a stream have before them.
func lists(stream string) []string { return []string{api + "CONSUMER.LIST." + stream} }

func consumerInfo(stream, consumer string) string {
	return api + "CONSUMER.INFO." + stream + "." + consumer
}

// pulls is for taking messages from a consumer that is there, settling them, and setting
// aside what cannot be handled.
func pulls(stream, consumer string) []string {
	return []string{
		consumerInfo(stream, consumer), api + "CONSUMER.MSG.NEXT." + stream + "." + consumer,
		"$JS.ACK." + stream + "." + consumer + ".>", events.DeadSubject(consumer, anyToken),
	}
}

// purges is for removing messages.
func purges(stream string) []string { return []string{api + "STREAM.PURGE." + stream} }

// gets is for opening a bucket and reading a key.
func gets(bucket string) []string { return append(looks(streamOf(bucket)), reads(streamOf(bucket))...) }

// watches is for listing keys and hearing of changes.
func watches(bucket string) []string {
	return append(scans(streamOf(bucket)), "$JS.FC."+streamOf(bucket)+".>")
}

// puts is for writing keys; to subscribe there is to hear who writes what.
func puts(bucket string) []string { return []string{"$KV." + bucket + ".>"} }
