// Package bus is the only door to the broker: connections, streams, publishing,
// reading, and routers that hand messages to handlers.
//
// It is the only package that imports nats.go, watermill and watermill-nats.
package bus
