// Package schemas holds the source of truth of the wire: a JSON Schema for every
// event and command, the registry of faults, and the AsyncAPI document.
package schemas

//go:generate go run ./gen
