// Package upload takes large files over connections that break: the tus protocol,
// version 1.0, with the extensions creation, creation-with-upload,
// creation-defer-length, termination, checksum and expiration.
//
// The bytes go into the artifact store, as the chunks that the finished content
// will consist of. How far an upload is stands in a key-value bucket, one key for
// each, and changes only from one revision to the next: any process goes on where
// another one died, and of two that write at once, one is told that it lost. The
// bucket and not the artifact store holds it, because blobs are named by their
// content and know no "only if nobody else did". An offset is told to a client when
// both hold it for good.
//
// An upload whose metadata names a pipeline is a job when it is finished. What is
// found when the process is killed, and what happens then:
//
//	killed                           found afterwards
//	while bytes arrive               the offset of the last save; the client goes on there
//	after all bytes were stored      the same; the rest is sent again
//	after the digest was saved       an upload that is complete
//	after the job was submitted      an upload that is complete; the job
//	after the outcome was saved      the outcome, and an upload that is complete
//	after the upload was forgotten   the outcome
//
// A complete upload is settled by [Service.Run], at its start and every minute, and
// by the next request about it: the job is submitted, with an idempotency key that
// follows from the id of the upload unless the client gave one, so that submitting
// it again gives the same job.
//
// Nobody guesses the id of an upload, and it is good only for the tenant that
// began it.
package upload
