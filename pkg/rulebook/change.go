package rulebook

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/policy"
	"github.com/millrace/millrace/schemas"
)

// tries bounds the races that one change without a condition may lose.
const tries = 16

// When says in which case a change is made. The zero value means always.
type When struct {
	// New means only when no rule of that name is in force.
	New bool
	// Revision means only when that is still the revision of the rule. Zero means
	// whatever it is.
	Revision uint64
}

// Refusal is a rule that cannot be set, with every complaint about it.
type Refusal struct {
	// List are the complaints; their pointers lead into the rule.
	List []events.ProblemError
}

// Error names the first complaint.
func (r *Refusal) Error() string { return r.Unwrap().Error() }

// Unwrap gives the fault rule.invalid to errors.As.
func (r *Refusal) Unwrap() error {
	return fault.New(fault.RuleInvalid, r.List[0].Pointer+": "+r.List[0].Detail, nil)
}

// Set makes a rule, or puts it in the place of the one with its name. It returns the
// rule as it is stored, with its time and revision, whether no rule of that name was
// in force before, and what the operator should know. It may be called again: the
// same rule is set anew.
//
// Faults: rule.invalid, as a [Refusal]; rule.stale_revision when the case that when
// names is not given; rule.too_many; those of the bus.
func (b *Book) Set(
	ctx context.Context, r events.Rule, when When,
) (set events.Rule, created bool, warnings []string, err error) {
	r.CreatedAt, r.Revision = b.now(), 0
	warnings, err = b.check(r)
	if err != nil {
		return r, false, nil, err
	}
	if err := b.room(ctx, r.Name); err != nil {
		return r, false, nil, err
	}
	before, after, err := b.change(ctx, when, events.RuleChange{
		Action: events.RuleSet, Name: r.Name, By: r.By, Reason: r.Reason, At: r.CreatedAt, Rule: &r,
	})
	if err != nil {
		return r, false, nil, err
	}
	r.Revision = after.Revision
	b.o.Log.Info("rule set", "rule", r.Name, "revision", r.Revision, "by", r.By, "reason", r.Reason)
	return r, !holds(before, b.now()), warnings, nil
}

// Remove ends a rule. Faults: rule.not_found when none of that name is in force;
// rule.invalid without a reason; rule.stale_revision; those of the bus.
func (b *Book) Remove(
	ctx context.Context, name, by, reason string, when When,
) (events.RuleChange, error) {
	c := events.RuleChange{Action: events.RuleRemove, Name: name, By: by, Reason: reason, At: b.now()}
	if strings.TrimSpace(reason) == "" {
		return c, &Refusal{List: []events.ProblemError{complaint("/reason", "say why; it is kept with the rule")}}
	}
	_, c, err := b.change(ctx, When{Revision: when.Revision}, c)
	if err == nil {
		b.o.Log.Info("rule removed", "rule", name, "revision", c.Revision, "by", by, "reason", reason)
	}
	return c, err
}

// check says what is wrong with a rule, by its schema and by its sense.
func (b *Book) check(r events.Rule) ([]string, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, &Refusal{List: []events.ProblemError{complaint("/then/factor", "it is not a number")}}
	}
	list := schemas.Validate("rule", data)
	if list == nil && r.Name == "" {
		list = append(list, complaint("/name", "a rule has a name"))
	}
	var warnings []string
	if list == nil {
		list, warnings = policy.Check(r, b.o.Stages, r.CreatedAt)
	}
	if list != nil {
		return nil, &Refusal{List: list}
	}
	return warnings, nil
}

func complaint(pointer, detail string) events.ProblemError {
	return events.ProblemError{
		Pointer: pointer, Code: string(fault.RuleInvalid), Detail: detail, Hint: fault.RuleInvalid.Info().Hint,
	}
}

// room refuses one rule more than there may be. Two that are set at the same moment
// may both pass: the bound is for people, not for memory.
func (b *Book) room(ctx context.Context, name string) error {
	list, err := b.List(ctx)
	if err != nil {
		return err
	}
	others := 0
	for i := range list {
		if list[i].Name != name {
			others++
		}
	}
	if others >= MaxRules {
		return fault.New(fault.RuleTooMany, "", nil)
	}
	return nil
}

// change writes the next entry of a rule, and returns the one before and the one
// written.
func (b *Book) change(
	ctx context.Context, when When, c events.RuleChange,
) (before, after events.RuleChange, err error) {
	for range tries {
		before, err = b.last(ctx, c.Name)
		// What cannot be read is replaced as if it were not there.
		if err != nil && !fault.Has(err, fault.RuleNotFound) && !fault.Has(err, fault.InternalBug) {
			return before, c, err
		}
		if err := b.allowed(before, when, c); err != nil {
			return before, c, err
		}
		c.Revision, err = b.write(ctx, c, before.Revision)
		if !fault.Has(err, fault.BusFenced) {
			return before, c, err
		}
	}
	return before, c, fault.New(fault.RuleStaleRevision, c.Name+": others keep changing it", err)
}

// allowed reports why a change may not be made of what is there.
func (b *Book) allowed(before events.RuleChange, when When, c events.RuleChange) error {
	inForce := before.Revision != 0 && holds(before, b.now())
	switch {
	case c.Action == events.RuleRemove && !inForce:
		return fault.New(fault.RuleNotFound, fault.Clip(c.Name, 64), nil)
	case when.New && inForce:
		return fault.New(fault.RuleStaleRevision, c.Name+" is there already", nil)
	case when.Revision != 0 && (!inForce || before.Revision != when.Revision):
		return fault.New(fault.RuleStaleRevision, c.Name, nil)
	}
	return nil
}

// write stores an entry, unless the last one has another revision. What the bucket
// says of the revision is not part of the value.
func (b *Book) write(ctx context.Context, c events.RuleChange, last uint64) (uint64, error) {
	c.Revision = 0
	value, err := json.Marshal(c)
	if err != nil {
		return 0, fault.New(fault.InternalBug, "encode rule "+c.Name, err)
	}
	if last == 0 {
		return b.kv.Create(ctx, c.Name, value)
	}
	return b.kv.Update(ctx, c.Name, value, last)
}
