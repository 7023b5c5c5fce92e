package flow

import (
	"strings"
)

//go:generate go test -run ^TestMachinesFileIsCurrent$ -update .

// Diagrams returns the page MACHINES.md: the three machines as Mermaid state
// diagrams, the policy for every class of fault and the table of record types, all
// made from the tables that the code runs on.
func Diagrams() string {
	var b strings.Builder
	b.WriteString("# The machines of a job\n\n")
	b.WriteString("Generated from the tables of package flow by `go generate ./pkg/flow`. Do not edit.\n\n")
	diagram(&b, "Job", jobMoves)
	diagram(&b, "Step", stepMoves)
	diagram(&b, "Undo of a step", undoMoves)
	policyTable(&b)
	b.WriteString("## Types of a record\n\n" +
		"A record that takes the job to another state has the type of that state, and names what has happened as " +
		"its cause. Who asks for events of a type is told of those, too, that have it as their cause.\n\n")
	b.WriteString("| type | kind, unless the job's state changes | what happened |\n|---|---|---|\n")
	for _, t := range EventTypes() {
		kind := t.Kind
		if kind == "" {
			kind = "(part of another record)"
		}
		b.WriteString("| `" + t.Name + "` | " + kind + " | " + t.Text + " |\n")
	}
	return b.String()
}

// diagram writes one machine. A state that nothing leaves ends the machine.
func diagram[S, E ~string](b *strings.Builder, title string, moves map[S]map[E]S) {
	b.WriteString("## " + title + "\n\n```mermaid\nstateDiagram-v2\n")
	for _, from := range sortedKeys(moves) {
		left := string(from)
		if from == "" {
			left = "[*]"
		}
		for _, on := range sortedKeys(moves[from]) {
			b.WriteString("    " + left + " --> " + string(moves[from][on]) + ": " + string(on) + "\n")
		}
		if len(moves[from]) == 0 {
			b.WriteString("    " + left + " --> [*]\n")
		}
	}
	b.WriteString("```\n\n")
}
