package cli

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/millrace/term"
)

// serverFlags say which server a command talks to, and for whom.
type serverFlags struct {
	url    string
	tenant string
}

// add gives cmd the flags.
func (f *serverFlags) add(cmd *cobra.Command) {
	f.addURL(cmd)
	cmd.Flags().StringVar(&f.tenant, "tenant", "", "`NAME` of the tenant (default \"default\")")
}

// addURL gives cmd the flag that says which server.
func (f *serverFlags) addURL(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.url, "server", "", "`URL` of the server (default $"+serverEnv+", or the millrace dev of this folder)")
}

// address finds the server: the flag, the environment, or the run.json of
// .millrace in the working directory or above it.
func (p *Program) address(f serverFlags) (string, error) {
	if f.url != "" {
		return checkURL("--server", f.url)
	}
	if env := p.Getenv(serverEnv); env != "" {
		return checkURL(serverEnv, env)
	}
	r, path, found := findRunFile(p.Dir)
	if !found {
		return "", fault.New(fault.CliNoServer, "no "+DefaultDataDir+"/"+runFileName+" in this folder or above it", nil)
	}
	if !r.alive() {
		return "", fault.New(fault.CliNoServer, path+" is of process "+strconv.Itoa(r.PID)+", which has ended", nil)
	}
	return r.HTTP, nil
}

// connect returns a client for the server that f and its surroundings name.
func (p *Program) connect(f serverFlags) (*client.Client, error) {
	return p.connectWith(f, 0)
}

// connectWith is connect with the client's patience, see [client.Config].
func (p *Program) connectWith(f serverFlags, patience time.Duration) (*client.Client, error) {
	address, err := p.address(f)
	if err != nil {
		return nil, err
	}
	token, err := p.credential(address)
	if err != nil {
		return nil, err
	}
	if token != "" && exposed(address) {
		p.talk.Warn("the token goes to %s without encryption; use https", address)
	}
	return dial(address, f.tenant, token, patience)
}

// dial returns a client for a server.
func dial(address, tenant, token string, patience time.Duration) (*client.Client, error) {
	if err := named("--tenant", tenant); err != nil {
		return nil, err
	}
	return client.New(client.Config{
		Server: address, Tenant: tenant, Token: token, UserAgent: term.Name + "/" + buildVersion().Version,
		Patience: patience,
	})
}

// checkURL refuses what is not the address of an HTTP server.
func checkURL(name, raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", usage("%s is not an http or https address like http://127.0.0.1:7420", name)
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}
