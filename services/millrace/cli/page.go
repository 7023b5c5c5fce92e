package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
)

// takesPage gives cmd the flags that say which page of a list is asked for. what is
// counted.
func takesPage(cmd *cobra.Command, limit *int, cursor *string, what string) {
	cmd.Flags().IntVar(limit, "limit", api.DefaultLimit, fmt.Sprintf("`COUNT` of %s, 1 to %d", what, api.MaxLimit))
	cmd.Flags().StringVar(cursor, "cursor", "", "`CURSOR` of the next page, as the page before printed it")
}

// inPage refuses a limit that no page has.
func inPage(limit int) error {
	if limit < 1 || limit > api.MaxLimit {
		return usage("--limit is 1 to %d, not %d", api.MaxLimit, limit)
	}
	return nil
}

// more says how the next page is had, when there is one.
func (p *Program) more(cursor string) {
	if cursor != "" {
		p.talk.Hint("there are more: add --cursor " + cursor)
	}
}
