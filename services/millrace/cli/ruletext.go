package cli

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/services/millrace/term"
)

// writeRule writes everything that is known of a rule.
func writeRule(w io.Writer, r events.Rule, now time.Time) error {
	t := term.NewTable()
	t.Row("name", r.Name)
	t.Row("about", ruleAbout(r.Match))
	t.Row("says", ruleSays(r.Then))
	t.Row("until", ruleEnd(r, now))
	t.Row("reason", r.Reason)
	t.Row("by", dash(r.By))
	t.Row("set", ruleTime(r.CreatedAt))
	t.Row("revision", decimal(r.Revision))
	_, err := t.WriteTo(w)
	return err
}

// ruleAbout is a match as the flag --match takes it.
func ruleAbout(m events.RuleMatch) string {
	return pairs(
		"code", m.Code, "dependency", m.Dependency, "class", m.Class,
		"stage", m.Stage, "pipeline", m.Pipeline, "tenant", m.Tenant,
	)
}

// ruleSays is what a rule says, by the names of the flags.
func ruleSays(t events.RuleThen) string {
	attempts, factor := "", ""
	if t.MaxAttempts != 0 {
		attempts = strconv.Itoa(t.MaxAttempts)
	}
	if t.Factor != 0 {
		factor = strconv.FormatFloat(t.Factor, 'g', -1, 64)
	}
	return pairs(
		"class", t.Class, "rate", t.Rate, "attempts", attempts, "initial", milliseconds(t.InitialMS),
		"max", milliseconds(t.MaxMS), "factor", factor, "retry-after", milliseconds(t.RetryAfterMS),
	)
}

// pairs joins names and values, without those that have no value.
func pairs(list ...string) string {
	var given []string
	for i := 0; i < len(list); i += 2 {
		if list[i+1] != "" {
			given = append(given, list[i]+"="+list[i+1])
		}
	}
	return strings.Join(given, " ")
}

// milliseconds is a number of them as a duration, "" for zero.
func milliseconds(n int64) string {
	if n == 0 {
		return ""
	}
	return (time.Duration(n) * time.Millisecond).String()
}

// ruleEnd is when a rule ends.
func ruleEnd(r events.Rule, now time.Time) string {
	if r.Until.IsZero() {
		return "permanent"
	}
	return ruleTime(r.Until) + ", in " + term.Took(r.Until.Sub(now))
}

// ruleUntil is the end of a rule that somebody set, for its history.
func ruleUntil(r events.Rule) string {
	if r.Until.IsZero() {
		return ", permanent"
	}
	return ", until " + ruleTime(r.Until)
}

func ruleTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }
