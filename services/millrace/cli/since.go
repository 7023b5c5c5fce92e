package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
)

// sinceUsage is the help of the flag --since.
const sinceUsage = "`TIME` of the oldest, like 2h or 2026-01-02T03:04:05Z (default any)"

// parseSince reads a time of day, or how long ago it was. Empty is no time.
func parseSince(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usage("%s is a time like 2h (ago) or 2026-01-02T03:04:05Z, not %q", flag, text)
	}
	return t.UTC(), nil
}

// named refuses what a flag says when it is no name. Empty is no name yet.
func named(flag, text string) error {
	if text != "" && !events.ValidToken(text) {
		return usage("%s is 1 to 64 of a-z, 0-9, _ and -, not %q", flag, text)
	}
	return nil
}

// completesWords lets the shell complete a flag that takes one of a few words.
func completesWords[T ~string](cmd *cobra.Command, flag string, list []T) {
	// The only error is an unknown flag, and every caller has it.
	_ = cmd.RegisterFlagCompletionFunc(flag,
		cobra.FixedCompletions(words(list), cobra.ShellCompDirectiveNoFileComp))
}
