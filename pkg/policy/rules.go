package policy

import (
	"cmp"
	"slices"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Rules are rules that can be asked. They never change. Nil has no rules.
type Rules struct {
	list []rule // in the order in which they are asked
}

// rule is a compiled rule.
type rule struct {
	events.Rule
	every time.Duration // one over the rate; zero without one
}

// Compile makes rules ready to be asked; the order of the list has no meaning. With
// rules that cannot be used it returns those that can, and the fault rule.invalid,
// which names the others: a rule of a newer build must not switch off all the rest.
// Whether a rule makes sense is for [Check] to say, when it is set.
func Compile(list []events.Rule) (*Rules, error) {
	r := &Rules{}
	var bad []string
	seen := make(map[string]bool, len(list))
	for _, one := range list {
		every, ok := interval(one.Then.Rate)
		if !ok || !usable(&one) || seen[one.Name] {
			bad = append(bad, one.Name)
			continue
		}
		seen[one.Name] = true
		r.list = append(r.list, rule{one, every})
	}
	slices.SortFunc(r.list, func(a, b rule) int { return before(&a.Rule, &b.Rule) })
	if bad != nil {
		slices.Sort(bad)
		return r, fault.New(fault.RuleInvalid, "cannot be used: "+joined(bad), nil)
	}
	return r, nil
}

// usable reports whether a rule has what every rule must have.
func usable(r *events.Rule) bool {
	known := func(class string) bool { return class == "" || fault.Class(class).Known() }
	return events.ValidToken(r.Name) && conditions(&r.Match) > 0 && known(r.Match.Class) && known(r.Then.Class)
}

// Rule returns what a rule says about fault f of an attempt of a step with that
// stage ("fetch@1"), in a job of that pipeline and tenant. It returns nil when no
// rule has anything to say.
func (r *Rules) Rule(f *events.Fault, stage, pipeline, tenant string, now time.Time) *events.Ruling {
	if r == nil || f == nil || fault.Code(f.Code) == fault.StageDraining {
		return nil
	}
	for i := range r.list {
		one := &r.list[i]
		if InForce(one.Rule, now) && fits(&one.Match, f, stage, pipeline, tenant) {
			return one.ruling()
		}
	}
	return nil
}

// ruling is what a rule says about everything that it is about.
func (r *rule) ruling() *events.Ruling {
	return &events.Ruling{
		Rule:         r.Name,
		Revision:     r.Revision,
		Class:        r.Then.Class,
		MaxAttempts:  r.Then.MaxAttempts,
		InitialMS:    r.Then.InitialMS,
		MaxMS:        r.Then.MaxMS,
		Factor:       r.Then.Factor,
		RetryAfterMS: r.Then.RetryAfterMS,
	}
}

// Every returns how far apart next attempts by the rule are to be: one over its
// rate, in whole milliseconds. Zero means that they need no place, or that there is
// no such rule.
func (r *Rules) Every(name string) time.Duration {
	if r == nil {
		return 0
	}
	for i := range r.list {
		if r.list[i].Name == name {
			return r.list[i].every
		}
	}
	return 0
}

// Len returns how many rules there are, those that have ended included.
func (r *Rules) Len() int {
	if r == nil {
		return 0
	}
	return len(r.list)
}

// InForce reports whether a rule has not ended. A rule without an end holds until
// somebody removes it.
func InForce(r events.Rule, now time.Time) bool { return r.Until.IsZero() || now.Before(r.Until) }

// before orders rules by who is asked first.
func before(a, b *events.Rule) int {
	return cmp.Or(
		cmp.Compare(conditions(&b.Match), conditions(&a.Match)),
		cmp.Compare(exact(&b.Match), exact(&a.Match)),
		cmp.Compare(length(&b.Match), length(&a.Match)),
		b.CreatedAt.Compare(a.CreatedAt),
		cmp.Compare(b.Revision, a.Revision),
		cmp.Compare(a.Name, b.Name),
	)
}
