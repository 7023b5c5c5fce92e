package cli

import "strings"

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
