// Package client is the Go SDK of Millrace: it speaks the HTTP API of a gateway.
//
// A [Client] is made by [New] from the address of a server. It is used like this:
//
//   - Submit: [Client.SubmitFile] sends a file and asks for a job on it,
//     [Client.Submit] asks for one on files that are named by URL or digest, or that
//     are small enough to be in the request. The receipt names the job.
//   - Wait: [Client.Wait] returns the job when it is final, [Client.WaitFor] when it
//     is what the caller waits for. [Client.Download] fetches what it has made.
//   - Watch: [Client.Watch] follows one job, record by record, and the progress of its
//     steps; [Client.Events] follows all jobs of a tenant.
//   - Control: [Client.Cancel], [Client.Retry], [Client.Rollback] and the like command
//     a job; [Client.OrderAt] does so only if it is still as it was read.
//   - Find: [Client.Jobs], [Client.AllDecisions] and the like return what there is,
//     page by page as it is needed, to be ranged over.
//   - Decide: [Client.Decide] answers what a job asks a person.
//
// The folder ts has the same for TypeScript and JavaScript.
//
// # Repeating
//
// What may be repeated is repeated by itself when the connection breaks or the
// server says that it is busy or starting: reads, uploads, and submissions, whose
// idempotency key is made once per call. Who states a key of his own may repeat the
// call itself, also after a crash, and gets the same job. Waiting and watching go on
// across a restart of the server, for as long as [Config.Patience] says.
//
// A file that the server has already is not sent again, and a large one goes on where
// it was after a broken connection, see [Config.AskFrom] and [Config.ResumeFrom].
//
// # Errors
//
// Every error carries a fault with the code that the server gave; see
// [github.com/millrace/millrace/pkg/fault.From]. The server's whole answer is there
// too:
//
//	var p *client.Problem
//	if errors.As(err, &p) { … p.Errors … }
package client
