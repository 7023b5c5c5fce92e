// Package verify holds the project to its own rules: who may import whom, what
// is documented, how long a file or a function may be, which words and calls are
// not used, and what lies at the top level. Its tests run the rules over the tree
// as part of go test ./..., and over planted violations, so that no rule passes
// by not running.
//
// A rule reads files and asks no other program, so the cache of go test notices
// when one of them changes.
package verify
