// Package flow decides what happens to a job.
package flow
