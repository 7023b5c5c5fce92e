// Package audit keeps who decided and changed what, when and why, in a stream that is
// only ever appended to.
//
// An entry is written before anything is done, as [api.AuditBegun], and again when it has
// ended, with what came of it. Both are of one subject, and only the newer is shown.
//
//	killed, or the broker gone     | what the audit says
//	-------------------------------|----------------------------------------------
//	before the first entry         | nothing, and nothing was done
//	between the entry and the act  | begun: it may have been done or not
//	between the act and the second | begun, as well; what was acted on says more
//	entry                          |
//	after it                       | what came of it
//
// What the conductor decides by itself is no part of it: the log of each job says that,
// and also who submitted the job and who commanded it.
package audit
