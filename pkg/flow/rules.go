package flow

// Rules is the newest version of the rules by which jobs move. A job keeps the
// version that it was submitted with, because its history must always give the
// same job.
//
// Since version 2 a step that failed or was cancelled after it had an attempt is
// undone as well: the attempt may have had effects. A step without which the job
// goes on is undone at once, others in their turn. A retry also makes the next
// attempt of steps in state retrying due at once.
//
// Since version 3 a step or an undo in attention has a decision, with a due time
// and a default; see [Attention]. An undo of which nobody knows whether it was done
// asks a person at once, as a step does.
const Rules = rulesDecisions

// Versions of the rules, by what they brought.
const (
	rulesUndo      = 2
	rulesDecisions = 3
)
