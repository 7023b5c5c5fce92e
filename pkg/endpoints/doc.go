// Package endpoints keeps the endpoints of webhooks in their bucket: what a tenant says
// of them, their secrets (sealed, see [webhook.Vault]), how far each has come, and the
// log of what was sent.
//
// An endpoint is one value, changed by compare and set. Each of its lanes is another:
// "main" follows the log of events for ever, and every replay has one until it has
// ended. Whoever saves a lane names the revision that it read, so of two processes that
// take themselves for the notifier one is refused.
package endpoints
