package doctor

import (
	"context"
	"net/url"
	"strings"

	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
)

// checkIdentity asks a running mill whether it asks who makes a request, and for whom
// it takes this command line.
func checkIdentity(ctx context.Context, c Config) Check {
	check := Check{Name: "identity", Status: OK}
	if c.Server == "" {
		check.Status, check.Detail = Info, c.NoServer
		return check
	}
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	cl, err := client.New(client.Config{Server: c.Server, Token: c.Token, Tries: 1})
	if err != nil {
		check.Status, check.Detail = Fail, fault.From(err).Error()
		return check
	}
	defer func() { _ = cl.Close() }()
	who, err := cl.Whoami(ctx)
	switch {
	case err != nil:
		f := fault.From(err)
		check.Status, check.Detail, check.Hint = Warn, f.Error(), f.Code.Info().Hint
	case who.Identity == "off":
		check.Detail = "off: everybody who reaches " + c.Server + " may do everything"
		if !local(c.Server) {
			check.Status = Warn
			check.Hint = "Start the mill with --auth keys, unless something in front of it asks for credentials."
		}
	default:
		check.Detail = "on: you are " + who.By + " of tenant " + who.Tenant + " and may " + strings.Join(who.Scopes, ", ")
	}
	return check
}

// local reports whether an address is on this machine.
func local(server string) bool {
	u, err := url.Parse(server)
	return err == nil && (u.Hostname() == "localhost" || u.Hostname() == "::1" || strings.HasPrefix(u.Hostname(), "127."))
}
