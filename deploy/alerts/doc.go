// Package alerts holds the rules for Prometheus that say when a mill needs somebody, in
// millrace.yaml, and what they do about series that were made up, in
// millrace_test.yaml. Its tests hold both to what a mill really measures, and to the
// runbooks.
package alerts
