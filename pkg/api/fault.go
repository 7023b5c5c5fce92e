package api

import "github.com/millrace/millrace/pkg/fault"

// FaultInfo says what a fault's code means, and what is done about it.
type FaultInfo struct {
	Code  fault.Code  `json:"code"`
	Class fault.Class `json:"class"`
	// Text says what has happened, and Hint what to do about it.
	Text string `json:"text"`
	Hint string `json:"hint"`
	// Policy says what the mill does by itself about an attempt that fails so, unless
	// a rule says otherwise.
	Policy string `json:"policy"`
	// Runbook are the commands for who looks after it, in order.
	Runbook []RunbookStep `json:"runbook"`
}

// RunbookStep is one command of a runbook, and what it is for.
type RunbookStep struct {
	Do      string `json:"do"`
	Command string `json:"command"`
}
