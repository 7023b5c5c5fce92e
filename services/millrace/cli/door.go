package cli

import (
	"github.com/spf13/cobra"

	"github.com/millrace/millrace/services/mill"
)

// addDoor gives cmd the flags that say who may use the HTTP door.
func (f *millFlags) addDoor(cmd *cobra.Command, auth string) {
	flags, c := cmd.Flags(), &f.config
	flags.StringVar(&c.Auth, "auth", auth, "`WHO` may use HTTP: keys asks everybody for a key, local all but this machine, none nobody")
	flags.BoolVar(&c.InsecureNoAuth, "insecure-no-auth", false, "let HTTP, metrics and the embedded broker listen off loopback without asking anybody for a key")
	flags.BoolVar(&c.InsecureNoTLS, "insecure-no-tls", false, "let them listen off loopback without TLS, behind something that has it")
	completesWords(cmd, "auth", []string{mill.AuthKeys, mill.AuthLocal, mill.AuthNone})
}
