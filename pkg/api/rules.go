package api

import "github.com/millrace/millrace/events"

// RuleList is the answer of GET /v1/rules: the rules that are in force, by name.
type RuleList struct {
	Rules []events.Rule `json:"rules"`
}

// RuleSet is the answer of PUT /v1/rules/{name}.
type RuleSet struct {
	// Rule is the rule as it is stored, with its time and revision.
	Rule events.Rule `json:"rule"`
	// Created is false when a rule of that name was in force, and was replaced.
	Created bool `json:"created"`
	// Warnings are what the operator should know.
	Warnings []string `json:"warnings,omitempty"`
}

// RuleHistory is the answer of GET /v1/rules/{name}/history: what was done to the
// rule, oldest first. The last 64 changes are kept.
type RuleHistory struct {
	Changes []events.RuleChange `json:"changes"`
}
