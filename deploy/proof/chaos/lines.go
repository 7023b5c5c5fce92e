package main

import (
	"slices"
	"strings"

	"github.com/millrace/millrace/events"
)

// line is a pipeline, and what a job that ran through it must leave in the world.
type line struct {
	name, steps string
	// ends are the states in which a job may end, besides cancelled.
	ends []events.JobState
	// s3 and folder say which step publishes there; honest and plain which step calls
	// which service.
	s3, folder, honest, plain string
}

const (
	gone   = events.JobFailed
	undone = events.JobRolledBack
)

// policy is that of every step.
const (
	maxAttempts = 6
	policy      = `timeout: 8s, retry: {maxAttempts: 6, initial: 100ms, max: 1s}`
)

const (
	fetchStep = "    - {id: fetch, uses: fetch@1, " + policy + ", with: {stall: 2s}}\n"
	s3Step    = "    - {id: publish, uses: publish-s3@1, " + policy + ", with: {bucket: " + bucket + "}}\n"
	failStep  = "    - {id: check, uses: simulate@1, " + policy + ", with: {fail: {class: data_quality}}}\n"
	charge    = "    - {id: charge, uses: http-call@1, " + policy + ", with: {url: HONEST/charge, time_limit: 2s, " +
		"verify: {idempotent: true}, undo: {method: DELETE, url: 'HONEST/charge/{id}'}}}\n"
	tell = "    - {id: tell, uses: http-call@1, " + policy + ", with: {url: PLAIN/tell, time_limit: 2s, " +
		"undo: {method: POST, url: 'PLAIN/untell/{id}', idempotent: false}}}\n"
	compressStep = "    - {id: compress, uses: compress@1, " + policy + "}\n"
)

var lines = []*line{
	{
		name: "straight", s3: "publish", ends: []events.JobState{events.JobCompleted, gone, undone},
		steps: fetchStep + "    - {id: hash, uses: hash@1, " + policy + "}\n" + compressStep + s3Step,
	},
	{
		name: "branch", folder: "publish", ends: []events.JobState{events.JobPartial, gone, undone},
		steps: fetchStep +
			"    - {id: compress, uses: compress@1, needs: [fetch], " + policy + "}\n" +
			"    - {id: preview, uses: simulate@1, needs: [fetch], critical: false, " + policy + ", with: {fail: {class: data_quality}}}\n" +
			"    - {id: publish, uses: publish@1, needs: [compress, preview], " + policy + "}\n",
	},
	{
		name: "late", folder: "publish", honest: "charge", ends: []events.JobState{gone, undone},
		steps: fetchStep + "    - {id: publish, uses: publish@1, " + policy + "}\n" + charge + failStep,
	},
	{
		name: "later", s3: "publish", plain: "tell", ends: []events.JobState{gone, undone},
		steps: fetchStep + s3Step + tell + failStep,
	},
	{
		name: "paid", s3: "publish", honest: "charge", ends: []events.JobState{events.JobCompleted, gone, undone},
		steps: fetchStep + charge + compressStep + s3Step,
	},
	{
		name: "told", plain: "tell", folder: "publish", ends: []events.JobState{events.JobCompleted, gone, undone},
		steps: fetchStep + tell + "    - {id: publish, uses: publish@1, " + policy + "}\n",
	},
}

// file is the pipeline file, for the services at these addresses.
func (l *line) file(honest, plain string) []byte {
	head := "apiVersion: millrace.dev/v1\nkind: Pipeline\nmetadata:\n  name: " + l.name + "\nspec:\n  steps:\n"
	return []byte(head + strings.NewReplacer("HONEST", "http://"+honest, "PLAIN", "http://"+plain).Replace(l.steps))
}

// may reports whether a job may end in a state.
func (l *line) may(s events.JobState, cancelled bool) bool {
	return slices.Contains(l.ends, s) || cancelled && s == events.JobCancelled
}

// stays reports whether what a job did stays, when it ended in a state.
func stays(s events.JobState) bool { return s == events.JobCompleted || s == events.JobPartial }
