package events

// BucketBreakers is the key-value bucket that holds what workers make of
// dependencies, as [Breaker]. What is not said again is forgotten after some
// minutes.
const BucketBreakers = "millrace_breakers"

// BreakerKey is the key of what a worker makes of a dependency: two words of 26
// letters and digits, one of the worker and one of the dependency. Names may hold
// what a key must not.
func BreakerKey(worker, dependency string) string {
	return JobID("worker", worker) + "." + JobID("dependency", dependency)
}
