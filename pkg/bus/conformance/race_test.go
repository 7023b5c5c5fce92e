//go:build race

package conformance_test

// raceDetector has the suite run its short form: the long one sends a quarter of
// a million messages one by one, which the race detector makes last for minutes.
const raceDetector = true
