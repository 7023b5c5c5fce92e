// Package events is the vocabulary of Millrace on the wire: the subjects, the
// message ids, the headers and the payloads of every message that crosses the
// broker. It holds names and shapes and no logic. No other package spells a
// subject. The payload types are generated from the JSON Schemas in the folder
// schemas, which also holds this door as an AsyncAPI document.
//
// # The raw NATS door
//
// Everything Millrace offers can be had with a plain NATS client: publish a file
// job to a subject, subscribe to what becomes of it. Below, lines that begin with
// C: go from the client to the server and lines with S: come back, as the NATS
// protocol has them: each ends in CR LF, and the numbers count bytes, headers
// first and then headers and payload together. Examples use tenant "default",
// which is also what to use when nobody has set up others, and pipeline "pack".
//
// Tokens of subjects (tenant, pipeline, job, step) are 1 to 64 of a-z, 0-9, '_'
// and '-'. Header names are case-sensitive, and a header carries one value.
// Payloads are JSON in UTF-8, at most 1 MiB, without a key given twice.
//
// # Handing in a job
//
// Publish a [Submission] to millrace.submit.<tenant>.<pipeline>:
//
//	C: CONNECT {"verbose":false,"headers":true}
//	C: SUB _INBOX.a1 1
//	C: HPUB millrace.submit.default.pack 66 112
//	C: NATS/1.0
//	C: Nats-Msg-Id: invoice-7
//	C: Millrace-Reply-To: _INBOX.a1
//	C:
//	C: {"files":[{"url":"file:///srv/in/hello.txt"}]}
//
// Each file is given by exactly one of url (file, http, https), digest (of an
// artifact that the store has) and inline (base64, at most 64 KiB). All headers
// are optional:
//
//	Nats-Msg-Id          the idempotency key, unless the payload has "key"
//	Millrace-Reply-To    the subject that gets the answer
//	traceparent          the trace that the job belongs to (W3C Trace Context); without one
//	                     the job begins one
//
// A url is fetched by the pipeline's fetch step; a file url is read by the mill,
// on its machine, and only below the folders that its operator allowed.
//
// A submission with "rerun" in the place of "files" runs a job that has ended again,
// as a job of its own: {"rerun":{"job":"…","from_step":"…"}}, published for the
// pipeline of that job. Its steps say in "reuse" whose result they have, or why not.
//
// # The answer
//
// The subject in Millrace-Reply-To gets one message: a [Receipt] when the job was
// made, or was there already, or a [Problem] when it was refused. The header
// Content-Type tells them apart: application/json or application/problem+json.
//
//	S: HMSG _INBOX.a1 1 44 117
//	S: NATS/1.0
//	S: Content-Type: application/json
//	S:
//	S: {"job":"rcddwuzuja2w7bi626ddqmmtoa","state":"accepted","duplicate":false}
//
// A problem names a stable code, such as submit.invalid or submit.key_reused, a
// class, whether trying again can help, and what to do; FAULTS.md in the folder
// schemas lists all codes. In "errors", a JSON pointer leads to each place.
//
// The answer is a plain message and may be lost: whoever hears nothing for a few
// seconds publishes the same submission again and gets the same job. Reply
// subjects are at most 256 bytes, have no wildcard and no empty token, and their
// first token is not "millrace" and does not begin with '$'. A submission with
// any other is refused. Where each program is a user of its own (millrace broker users),
// only a subject below its inbox prefix gets the answer.
//
// A refused submission without Millrace-Reply-To becomes a [DeadLetter].
//
// The reply subject of NATS itself is answered too, by the broker and not by
// Millrace: it says that the submission is stored. After that it is not lost.
//
//	C: HPUB millrace.submit.default.pack _INBOX.a1 29 75
//	C: NATS/1.0
//	C: Nats-Msg-Id: a2
//	C:
//	C: {"files":[{"url":"file:///srv/in/hello.txt"}]}
//	S: MSG _INBOX.a1 1 36
//	S: {"stream":"MILLRACE_INTAKE","seq":2}
//
// When the mill is behind by 100,000 submissions, it has an "error" instead of a
// "seq": try again later.
//
// # Idempotency
//
// The key is "key" of the payload, or else Nats-Msg-Id. Within a tenant a key
// stands for one job, for as long as that job is retained: the same key with the
// same pipeline, files and params is answered with the job that it made,
// "duplicate":true, and its outcome once it is final. The same key with anything
// else is refused with submit.key_reused and the id of that job. Labels do not
// count as content. Without a key every submission is a job of its own.
//
// The broker itself drops a submission whose Nats-Msg-Id it saw less than 100 ms
// ago ("duplicate":true in its answer), and then no receipt comes. Who repeats
// faster puts the key into the payload and lets Nats-Msg-Id differ, or be.
//
// # Following a job
//
// Subscribe to millrace.events.<tenant>.<pipeline>.<job>.<kind>, with wildcards
// where anything will do. The kind is "job" for records that move the job to
// another state, "step" for those that move a step only, "undo" for compensation.
//
//	C: SUB millrace.events.default.pack.*.* 2
//
// Every message is a [Record], here without its payload:
//
//	Content-Type: application/json
//	Nats-Msg-Id: default/rcddwuzuja2w7bi626ddqmmtoa/1
//	Millrace-Revision: 1
//	Millrace-State: accepted
//	Millrace-Tx: 6f2485c4-52a1-4ef0-9d3c-0f1e2d3c4b5a
//	ce-specversion: 1.0
//	ce-type: dev.millrace.job.accepted.v1
//	ce-source: /millrace
//	ce-subject: job/rcddwuzuja2w7bi626ddqmmtoa
//	ce-id: default/rcddwuzuja2w7bi626ddqmmtoa/1
//	ce-time: 2026-01-02T03:04:05.006Z
//	ce-dataschema: https://millrace.dev/schemas/record.v1.json
//
// What most readers need of the payload are job.state, job.steps.<step>.state,
// job.steps.<step>.attempt and revision; the whole state is in every record, so
// one record is enough to know where a job stands. A job is over when its state
// is completed, partial, failed, cancelled or rolled_back.
//
// A subscription sees what happens while it is there. The records are kept in the
// stream MILLRACE_EVENTS: to miss nothing, make a consumer of your own on it and
// acknowledge, and to learn where one job stands, read the last message for
// millrace.events.<tenant>.*.<job>.*.
//
// A plain subscription to millrace.events sees what conductors write, and now and
// then that is a record that the stream refuses, because another conductor was
// faster. Where that matters and a consumer is too much,
// subscribe to millrace.live.<tenant>.<job>.<kind> instead: the broker sends there
// what the stream has taken, and nothing else, with its place in the stream in
// Nats-Sequence.
//
//	C: SUB millrace.live.default.*.* 4
//
// # Progress
//
// How far a step is comes, at most twice a second, as a [Progress] on
// millrace.progress.<tenant>.<job>.<step>. It may be lost and decides nothing.
//
//	C: SUB millrace.progress.default.*.* 3
//	S: HMSG millrace.progress.default.rcddwuzuja2w7bi626ddqmmtoa.pack 3 44 192
//	S: NATS/1.0
//	S: Content-Type: application/json
//	S:
//	S: {"job":"rcddwuzuja2w7bi626ddqmmtoa","tenant":"default","step":"pack","attempt":1,"done":16777216,"total":73400320,"time":"2026-01-02T03:04:05.506Z"}
//
// # Cancelling, retrying, giving up
//
// Publish a [Command] to millrace.control.<tenant>.<job>. What comes of it is an
// event like any other; a command that the job's state does not allow does
// nothing.
//
//	C: PUB millrace.control.default.rcddwuzuja2w7bi626ddqmmtoa 50
//	C: {"verb":"cancel","reason":"wrong file","by":"ann"}
//
// # Dead letters
//
// What no consumer can handle, such as a payload that is not JSON, is kept as a
// [DeadLetter] on millrace.dead.<consumer>.<tenant>, with the reason and the
// message itself.
//
// # What is promised
//
// A submission that the broker confirmed is not lost. Delivery is at least once,
// everywhere: a record, an event or an answer may arrive more than once, and
// ce-id (for records also the revision, which counts each job's records from 1
// without gaps) tells a repetition. Records of one job arrive in the order of
// their revisions; between jobs there is no order. Receipts, progress and live
// records are plain NATS messages and may be lost.
//
// What Millrace sends may get new fields: ignore what you do not know. What it
// takes in is closed: an unknown field is refused, with a hint.
package events
