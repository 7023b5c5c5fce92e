// Package bus is the only door to the broker: connections, streams, publishing,
// reading, and routers that hand messages to handlers. It is the only package
// that imports nats.go, watermill and watermill-nats.
//
// # Streams
//
// [Conn.Provision] makes every stream, [Conn.ProvisionStage] the consumers of a
// stage. Both may be called at any time and by many. Nothing else makes or
// removes a stream or consumer, with one exception: a router makes one again
// that was deleted under it, if its own connection had provisioned it.
//
// # Writing
//
// [Conn.Publish] stores messages under an id, so that sending one again is
// harmless; it does so itself when the connection breaks. [Conn.Commit] stores
// one message behind a fence and knows its own write again when the answer was
// lost. [Conn.Send] is for what may be lost.
//
// # Reading
//
// [Conn.Last] and [Conn.Get] read one message in one round trip. [Conn.Scan]
// reads many, in order and without gaps, and can follow. [Conn.Tail] follows
// what passes by now and loses some of it.
//
// # Handling
//
// A [Router] runs subscriptions on a Watermill router. Each message takes one of
// a subscription's slots from the moment it is asked for until it is settled:
//
//	broker ──pull(free slots)──▶ flow ──▶ Watermill router ──▶ middleware ──▶ Handler
//	   ▲                                                            │
//	   └── +WPI every third of the ack wait ── +ACK, -NAK, +TERM ◀──┘
//
// A request for messages is always open while a slot is free, so a message is
// delivered when it arrives, and nothing is delivered that nobody has time for:
// the broker's ack clock runs from delivery. While a message is held the broker
// is told so. When contact is lost for longer than the ack wait, the message is
// another worker's; the handler's context ends and its verdict is not sent.
//
// The error that a handler returns decides: see [Handler]. A message that no
// handler can be given, or that one rejects, is stored as a dead letter with the
// reason, and only then given up. Every consumer must expect a message again
// that was handled before: acknowledgements can be lost in a crash of the broker.
//
// At the stop a subscription asks for no more, gives back at once what no
// handler has started on, lets the others finish for as long as it may, ends
// their contexts, and lets go of those that do not return. The channel between
// it and Watermill is closed last and by the only goroutine that knows that
// nobody sends any more.
//
// [Subscriber] and [Publisher] are the same for other Watermill programs. Their
// wire format is that of watermill-nats, so either side may be plain Watermill.
package bus
