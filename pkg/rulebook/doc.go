// Package rulebook keeps the rules of operators in a key-value bucket, and lets
// every conductor have each change of them within a moment.
//
// The key is the name of the rule, the value an [events.RuleChange]: what was done
// last, by whom, when and why. To remove a rule is a change like any other, so that
// the bucket's own history of the key is the audit: the last 64 changes of each name.
// By is the principal where the gateway asks who makes a request, and else what they
// say of themselves.
//
// Rules hold for the whole mill; match.tenant limits one to a tenant.
//
// # When the bucket cannot be read
//
//	trouble                        | what the conductor does
//	-------------------------------|----------------------------------------------
//	the broker is away             | it goes on with the rules it knew last, also
//	                               | past a restart of the broker; those with an end
//	                               | end in time
//	it was away at the start       | no rule speaks until the bucket can be read
//	the bucket was deleted         | it goes on with the rules it knew last, until a
//	                               | bucket is there that says otherwise
//	an entry cannot be read        | it is logged and left out
//	killed while a rule was set    | the bucket has all of the change or none of it
package rulebook
