// Package openapi makes the OpenAPI 3.1 document of the HTTP API.
//
// The gateway says of each route what goes in and what comes out, as a [Shape]. The
// schemas of bodies follow from the Go types of packages api and events; what the
// document says of them are the doc comments there, which schemas/gen/words collects.
// The document itself is kept by huma.
//
// It is closed for what the gateway takes in and open for what it answers, as the
// schemas of the wire are: a member that is not known is refused at the door, and
// readers must expect new ones.
package openapi
