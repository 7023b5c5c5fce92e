// Package tracing gives every job one trace (W3C Trace Context): the trace of its
// submission, or one that is made of the job's names. Traceparents go with submissions,
// records, tasks and calls to the outside, whether anybody keeps the spans or not.
//
// Spans are sent by OTLP over HTTP, by a [Tracer], only where that was asked for:
//
//	submit      the request over HTTP
//	└─ job      from the acceptance to the end
//	   ├─ fetch    an attempt at a step, by the process that made it
//	   ├─ fetch    the next one, after a failure
//	   └─ publish
//
// A span is sent when what it tells of has ended, so what a process has not sent when it
// is killed is missing, and nothing is twice in another trace. A job that is rolled back
// later sends its span once more, with its new end.
package tracing
