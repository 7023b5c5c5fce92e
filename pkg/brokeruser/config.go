package brokeruser

import (
	"fmt"
	"strings"
)

// User is one who may connect: a role, and the public half of a key, which begins
// with U.
type User struct {
	Role Role
	Key  string
}

// Config returns the users in the language of nats-server's configuration: a list that
// is included in its authorization, or in one of its accounts. It holds no secrets. A user
// with a role that [Parse] would refuse may do nothing.
func Config(users []User) string {
	var b strings.Builder
	b.WriteString("# Written by millrace broker users; changes are lost. It holds no secrets.\n")
	b.WriteString("# Include it in the authorization of nats-server, or in the account of the mill:\n")
	b.WriteString("#   authorization { include \"users.conf\" }\n")
	b.WriteString("users = [\n")
	for _, u := range users {
		r := u.Role.Rights()
		fmt.Fprintf(&b, "  # %s\n  {\n    nkey: %s\n    permissions: {\n", u.Role, u.Key)
		writeList(&b, "publish", r.Publish)
		writeList(&b, "subscribe", r.Subscribe)
		b.WriteString("    }\n  }\n")
	}
	b.WriteString("]\n")
	return b.String()
}

func writeList(b *strings.Builder, what string, subjects []string) {
	if len(subjects) == 0 {
		// An empty list would be taken for everything.
		fmt.Fprintf(b, "      %s: { deny: [\">\"] }\n", what)
		return
	}
	fmt.Fprintf(b, "      %s: { allow: [\n", what)
	for _, s := range subjects {
		fmt.Fprintf(b, "        %q\n", s)
	}
	b.WriteString("      ] }\n")
}
