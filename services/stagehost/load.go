package stagehost

import (
	"maps"
	"slices"

	"github.com/millrace/millrace/pkg/telemetry"
)

// Load returns what the host has in hand of each stage, by name, and how much of it it
// takes at once.
func (h *Host) Load() []telemetry.Running {
	tasks := make(map[string]int)
	h.mu.Lock()
	for a := range h.running {
		tasks[stageName(a.task.Stage)]++
	}
	h.mu.Unlock()
	var all []telemetry.Running
	for _, name := range slices.Sorted(maps.Keys(h.byName)) {
		all = append(all, telemetry.Running{Stage: name, Tasks: tasks[name], Slots: h.slots(h.byName[name])})
	}
	return all
}
