// Package pipeline reads pipeline files: it checks them, explains what is wrong
// with them, and compiles them into plans that package flow runs.
//
// # The file
//
// A pipeline file is one YAML document of at most 256 KiB:
//
//	apiVersion: millrace.dev/v1
//	kind: Pipeline
//	metadata:
//	  name: archive               # how jobs ask for it: a-z, 0-9, _ and -
//	  description: Keep what customers send.
//	  owner: intake@example.com
//	  labels: { team: intake }
//	spec:
//	  input:
//	    files: { min: 1, max: 20 }
//	  params:                     # a JSON Schema (draft 2020-12)
//	    type: object
//	    required: [customer]
//	    properties:
//	      customer: { type: string, pattern: "^C[0-9]{6}$" }
//	      level: { type: string, enum: [fastest, best], default: best }
//	  deadline: 1d                # of the whole job; none unless stated
//	  attention: { due: 1d }      # of all steps that do not say otherwise
//	  steps:
//	    - id: fetch
//	      uses: fetch@1           # stage and version
//	    - id: identify
//	      uses: identify@1        # no needs: the step before it
//	    - id: pack
//	      uses: compress@1
//	      needs: [identify]
//	      when: files.exists(f, f.media_type != 'application/zstd')
//	      with: { level: "${{ params.level }}" }
//	      timeout: 10m            # of one attempt, 1ms to 7d
//	      limits:                 # on time, further ones; none unless stated
//	        stall: 2m             # in which an attempt gets no further
//	        queue: 10m            # until a worker takes an attempt
//	        total: 2h             # with all attempts and waits
//	      checkpoint: 16MiB       # what a crash may cost at most, 1MiB to 1TiB
//	      retry: { maxAttempts: 3, initial: 1s, max: 1m, factor: 2 }
//	      critical: false         # the job goes on without it; default true
//	      attention:              # when a person is needed
//	        due: 8h               # how long one has, default 72h
//	        default: skip         # remind, retry, skip, accept, abandon or cancel
//	    - id: publish
//	      uses: publish@1
//	      with: { dir: "in/${{ params.customer }}" }
//	      irreversible: true      # what it does cannot be taken back; default false
//	  outputs:
//	    files: ${{ steps.publish.files }}
//
// A step without needs needs the step before it in the file, and the first step
// needs nothing; `needs: []` says that a step needs nothing. A step works on the
// files of the steps it needs, in that order; a step that needs nothing works on
// the files of the job. A step whose `when` is false is skipped and hands its
// inputs on. Without outputs a job leaves the files of every step that no other
// step needs.
//
// When a critical step fails, the steps that were done are undone by their stages. A
// step that is irreversible is not, whatever its stage could do, and a rollback of
// the job must accept that it stays. It comes after every other critical step, so
// that nothing fails when it has been done: it needs them, directly or through
// others. Steps that are not critical may come later.
//
// When a step needs a person, or its undo does, a decision is opened. By default it is
// due after 72 hours and then asked again, ever later, up to every 7 days. With another
// default that is chosen in place of a person, where the job allows it then: only a
// step can be skipped, and only one that is not critical; only an undo can be accepted.
//
// YAML is read strictly: no anchors, aliases, merge keys, tags, directives or
// second document, no repeated keys, no unknown ones.
//
// # Expressions
//
// Expressions are CEL (https://cel.dev). `when` is one, bare; elsewhere they stand
// in ${{ }}. A string that is nothing but one expression becomes its value, of
// whatever type; otherwise each expression becomes text: strings as they are,
// anything else as JSON. $${{ stands for ${{ itself. An expression may read
//
//   - job: {id, tenant, pipeline, labels};
//   - params: what the schema in spec.params declares;
//   - steps: every step that is upstream, {state, files, findings, attempt} of
//     each; in outputs, every step. A name with a dash is written steps.`my-step`;
//   - files: the step's inputs, a list of {name, digest, size, media_type}; not
//     in outputs.
//
// All of them have declared types, so a misspelt name is an error of the file.
// An expression that reads something that is not there, such as a parameter
// without a default, fails the step. There is no clock and no chance: the same
// job always gives the same values, and maps are walked in the order of their
// keys. Each evaluation has a cost limit.
//
// # Diagnostics
//
// [Check] reports every problem at once. Each has a rule, listed in RULES.md, a
// place, and mostly a suggestion.
//
// The package does no input or output, reads no clock, and keeps no state:
// everything may be called by several goroutines at once.
package pipeline
