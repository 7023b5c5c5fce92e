// Package telemetry is what a mill tells of itself to those who watch many programs:
// metrics in the format of Prometheus.
//
// There is one table of families, [Families], and every alert and every panel that the
// project ships uses nothing else. Names begin with millrace_, units are seconds and
// bytes. Labels are bounded: stages, consumers and classes of faults by what the program
// knows, pipelines and dependencies by a number, beyond which they are "other". No label
// names a job, a file or a tenant.
//
// What services do is counted where it is done, through [Conductor], [Stages], [HTTP]
// and [Webhooks], each of which may be nil and then counts nothing. What is so at a
// moment, such as the depth of a queue, is looked at when somebody asks; see
// [Metrics.Look].
//
// Counters begin anew with each process, and what a process has counted when it is
// killed is gone. The log of events is what counts for ever.
package telemetry
