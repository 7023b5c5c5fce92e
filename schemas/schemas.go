// Package schemas holds the source of truth of the wire and guards its doors.
//
// The folder has a JSON Schema (2020-12) for every event and command, the
// registry of faults, and the AsyncAPI document of the NATS doors. From them are
// generated, by go generate in this folder: the types of package events, the
// codes of package fault, and FAULTS.md. The OpenAPI document of the HTTP door,
// openapi.yaml, is generated too, from the gateway's routes.
//
// What the mill takes in from outside (submission, command, outcome) is closed:
// an unknown field is refused. What it sends is open, so that it may grow. The
// folder released has the schemas as they were released, and a test refuses
// changes that would break somebody.
//
// [DecodeSubmission], [DecodeCommand] and [DecodeOutcome] read what comes in at
// the doors; [Validate] checks any message. Complaints have a JSON pointer, a
// code of package fault and a hint. Schemas are compiled when they are first
// needed, and nothing outside this folder is ever loaded.
//
// Annotations in the schemas steer what is generated and said:
//
//	x-go-type             the Go type, where it does not follow from the schema
//	x-go-prefix           what the constants of an enum start with; the type's name if absent
//	x-go-group            the comment above the constants of an enum
//	x-enum-descriptions   the comment of each constant, without its name
//	x-fault               the code of a violation, or an object from keyword to code
//	x-detail              the text of a violation, or an object from keyword to text
package schemas

//go:generate go run ./gen
//go:generate go run ./gen/words
//go:generate go run ./gen/openapi
//go:generate go run ./gen/typescript
//go:generate go run -C .. ./deploy/docs
