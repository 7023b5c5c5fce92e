// Package jobview keeps a view of all jobs in a database, where they can be listed,
// filtered, sorted, searched and counted: SQLite in a folder, or PostgreSQL by URL.
//
// A view is folded from the log of events, record by record. It holds nothing that
// the log does not, so it may be lost: what is damaged, old or of another log is
// built again. Each building is a generation beside the others; one of them serves.
//
// Batches of records are written with the place in the log that they lead to, in one
// transaction, and only by who knows the place that is there ([View.Apply]).
//
//	killed …                            then
//	before a batch is committed         the batch is read from the log again
//	after it                            the next one is; none is taken twice
//	while a generation is built         the old one serves; building goes on
//	between two generations             one of both serves, the other one is removed
//	                                    or built to its end
package jobview
