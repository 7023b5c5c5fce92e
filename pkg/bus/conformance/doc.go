// Package conformance runs the universal Pub/Sub suite of Watermill against the
// publisher and the subscriber of package bus. It has nothing but tests: the
// suite is the one judge of them that was not written here.
package conformance
