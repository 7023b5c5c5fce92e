package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/client"
)

// asks makes cmd a question to a server: cmd takes the flags that say which server,
// and -o, and work gets a client of it.
func (p *Program) asks(cmd *cobra.Command, work func(context.Context, *client.Client, []string) error) *cobra.Command {
	p.server.add(cmd)
	p.takesOutput(cmd)
	return does(cmd, func(ctx context.Context, args []string) error {
		c, err := p.connect(p.server)
		if err != nil {
			return err
		}
		return work(ctx, c, args)
	})
}

// checks lets cmd refuse what its flags say before any server is asked.
func checks(cmd *cobra.Command, check func() error) {
	cmd.PreRunE = func(*cobra.Command, []string) error { return check() }
}

// lists makes the command "millrace WHAT list", which asks for a list without
// conditions and shows it.
func lists[T any](
	p *Program, what, short string,
	ask func(*client.Client, context.Context) ([]T, error), show func([]T) error,
) *cobra.Command {
	line := "millrace " + what + " list"
	cmd := &cobra.Command{Use: "list [flags]", Short: short, Args: nothing, Example: line + "\n" + line + " -o json"}
	return p.asks(cmd, func(ctx context.Context, c *client.Client, _ []string) error {
		list, err := ask(c, ctx)
		if err != nil {
			return err
		}
		return show(list)
	})
}
