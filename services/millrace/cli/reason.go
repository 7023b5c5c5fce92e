package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/client"
)

// maxReason is how long a reason may be, in bytes.
const maxReason = 1024

// stated refuses a change without a reason.
func stated(reason string) error {
	if strings.TrimSpace(reason) == "" || len(reason) > maxReason {
		return usage("say why with --reason, in at most 1 KiB")
	}
	return nil
}

// required refuses a reason that is empty or too long.
func required(reason string) error {
	if reason == "" || len(reason) > maxReason {
		return usage("--reason is required, and at most 1 KiB")
	}
	return nil
}

// brief refuses a reason that is too long.
func brief(reason string) error {
	if len(reason) > maxReason {
		return usage("--reason is longer than 1 KiB")
	}
	return nil
}

// takesReason gives cmd a flag that says why, for the audit, of all that the command then
// asks the server to change. It comes after [checks].
func takesReason(cmd *cobra.Command) {
	var reason string
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` that says why, for the audit; at most 1 KiB")
	before := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		cmd.SetContext(client.WithReason(cmd.Context(), reason))
		if err := brief(reason); err != nil || before == nil {
			return err
		}
		return before(cmd, args)
	}
}
