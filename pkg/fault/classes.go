package fault

import (
	"maps"
	"slices"
)

var classes = []Class{
	Unclassified, Transient, RateLimited, DependencyDown, Timeout, Resource, DataQuality,
	SchemaMismatch, Policy, Auth, Poison, Conflict, UnknownEffect, Cancelled, Bug,
}

// Classes lists every class, so that a policy can be checked to answer for all.
func Classes() []Class { return slices.Clone(classes) }

// Known reports whether c is one of [Classes].
func (c Class) Known() bool { return slices.Contains(classes, c) }

// Codes lists every code of the registry, sorted.
func Codes() []Code { return slices.Sorted(maps.Keys(registry)) }
