// Package webhook is what there is to know about webhooks without sending one: how
// an event looks, how it is signed, whom it concerns, and what an answer leads to.
//
// # On the wire
//
// A webhook is a POST with the JSON of an [events.Notification], and three headers
// of Standard Webhooks (standardwebhooks.com, version 1.0.0):
//
//	webhook-id         names the event and the endpoint, and is the same each time
//	webhook-timestamp  when this attempt was made, in Unix seconds
//	webhook-signature  one signature for each key that is valid, with spaces between
//
// What is signed is id, timestamp and body with dots between them. A signature is
// "v1," and a HMAC-SHA-256, or "v1a," and an Ed25519 signature, in base64.
//
// An event is taken when the answer is 200 to 299. It comes at least once: the
// receiver tells a repetition by its webhook-id.
//
// # What an answer leads to
//
// Every other answer, and none, means that the event is sent again, after a random
// time up to a bound that doubles from [Policy].Initial to [Policy].Max. Retry-After is
// obeyed. Three days after the first attempt the event is given up, and the next one
// of its job has its turn. 410 disables the endpoint, as do five days of failures
// without one success.
package webhook
