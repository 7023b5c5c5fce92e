package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/services/mill"
	"github.com/millrace/millrace/services/millrace/brokerusers"
	"github.com/millrace/millrace/services/millrace/term"
)

type (
	// brokerUsersObject is what broker users prints under -o json.
	brokerUsersObject struct {
		Type   string            `json:"type"`
		Config string            `json:"config"`
		Users  []brokerUserEntry `json:"users"`
		Made   []brokeruser.Role `json:"made,omitempty"`
	}
	// brokerUserEntry is one user, by the public half of its key.
	brokerUserEntry struct {
		Role  brokeruser.Role `json:"role"`
		Key   string          `json:"key"`
		Inbox string          `json:"inbox"`
		File  string          `json:"file"`
	}
	// brokerUsersFlags say which users there are, and what to do with keys.
	brokerUsersFlags struct {
		stages, submit, read []string
		rotate, retire       []string
	}
)

func (p *Program) brokerCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "broker",
		Short:   "Give the broker users that may do no more than they need.",
		Example: "millrace broker users /etc/millrace/users",
	},
		p.brokerUsersCommand(),
	)
}

func (p *Program) brokerUsersCommand() *cobra.Command {
	var f brokerUsersFlags
	cmd := &cobra.Command{
		Use:   "users FOLDER [flags]",
		Short: "Write keys for the users of an external broker, and what each may do.",
		Long: "There is a user for each role: setup, conductor, gateway, notifier, and stage:NAME for each stage.\n" +
			"FOLDER gets ROLE.nk with the key of each, and users.conf, which holds no secrets, for nats-server:\n\n" +
			"  authorization { include \"/etc/millrace/users/users.conf\" }     or the same in an account { }\n\n" +
			"After each change have nats-server read it: nats-server --signal reload, or a SIGHUP. Run again, the\n" +
			"command keeps the keys that are there and brings users.conf up to date; do so after an upgrade, too.\n\n" +
			"Each machine gets a folder with the keys of its own roles, for millrace serve --nats-creds. One process\n" +
			"needs the key of setup as well: it makes the streams, and the others wait for it.\n\n" +
			"--rotate makes a new key beside the old one. Reload the broker, put the new file in the place of the old\n" +
			"one where it is used, then --retire the old one and reload again: processes take up the new key by\n" +
			"themselves. To take a user away, remove its file, run the command again, and reload.",
		Args: needs("folder", 1),
		Example: "millrace broker users /etc/millrace/users\n" +
			"millrace broker users /etc/millrace/users --submit acme --read acme\n" +
			"millrace broker users /etc/millrace/users --rotate stage:fetch\n" +
			"millrace broker users /etc/millrace/users --retire stage:fetch\n" +
			"nats --nkey submit-acme.nk --inbox-prefix _INBOX.submit.acme pub millrace.submit.acme.intake …",
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.stages, "stage", nil, "`NAME` of a stage besides the built-in ones; repeatable")
	flags.StringSliceVar(&f.submit, "submit", nil, "`TENANT` for which a program may hand in jobs over NATS; repeatable")
	flags.StringSliceVar(&f.read, "read", nil, "`TENANT` whose events a program may follow over NATS; repeatable")
	flags.StringSliceVar(&f.rotate, "rotate", nil, "`ROLE` that gets a new key beside the one it has; repeatable")
	flags.StringSliceVar(&f.retire, "retire", nil, "`ROLE` whose key before a rotation is taken away; repeatable")
	p.takesOutput(cmd)
	return does(cmd, func(_ context.Context, args []string) error { return p.brokerUsers(args[0], f) })
}

// roles lists the users that there are to be.
func (f brokerUsersFlags) roles() ([]brokeruser.Role, error) {
	all := brokeruser.Fixed()
	for _, s := range mill.Stages() {
		all = append(all, brokeruser.Stage(s.Name))
	}
	for _, list := range []struct {
		flag  string
		names []string
		role  func(string) brokeruser.Role
	}{
		{"--stage", f.stages, brokeruser.Stage},
		{"--submit", f.submit, brokeruser.Submitter},
		{"--read", f.read, brokeruser.Reader},
	} {
		for _, name := range list.names {
			if !events.ValidToken(name) {
				return nil, usage("%s is 1 to 64 of a-z, 0-9, _ and -, not %q", list.flag, name)
			}
			all = append(all, list.role(name))
		}
	}
	return all, nil
}

func (p *Program) brokerUsers(dir string, f brokerUsersFlags) error {
	roles, err := f.roles()
	if err != nil {
		return err
	}
	folder, err := brokerusers.Open(p.absolute(dir))
	if err != nil {
		return err
	}
	made, err := folder.Ensure(roles)
	if err != nil {
		return err
	}
	if err := f.change(folder); err != nil {
		return err
	}
	if err := folder.WriteConfig(); err != nil {
		return err
	}
	users, err := folder.Users()
	if err != nil {
		return err
	}
	o := brokerUsersObject{Type: "broker.users", Config: folder.ConfigPath(), Made: made}
	for _, u := range users {
		o.Users = append(o.Users, brokerUserEntry{u.Role, u.Key, u.Role.Inbox(), folder.Path(u.Role)})
	}
	err = p.print(o, func(w io.Writer) error {
		t := term.NewTable("ROLE", "KEY", "ANSWERS COME TO")
		for _, u := range o.Users {
			t.Row(string(u.Role), u.Key, u.Inbox)
		}
		_, err := t.WriteTo(w)
		return err
	})
	if err == nil {
		p.talk.Hint("have nats-server read " + o.Config + " again: nats-server --signal reload")
	}
	return err
}

// change rotates and retires keys.
func (f brokerUsersFlags) change(folder *brokerusers.Folder) error {
	for _, list := range []struct {
		names []string
		do    func(brokeruser.Role) error
	}{{f.retire, folder.Retire}, {f.rotate, folder.Rotate}} {
		for _, name := range list.names {
			r, err := brokeruser.Parse(name)
			if err != nil {
				return err
			}
			if err := list.do(r); err != nil {
				return err
			}
		}
	}
	return nil
}
