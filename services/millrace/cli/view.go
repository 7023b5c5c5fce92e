package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/millrace/term"
)

// viewObject is the view under -o json.
type viewObject struct {
	Type string `json:"type"`
	api.View
}

func (p *Program) viewCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "view",
		Short:   "See what the list of jobs is kept in, and build it again.",
		Example: "millrace view status\nmillrace view rebuild --wait",
	},
		p.viewStatusCommand(), p.viewRebuildCommand(),
	)
}

func (p *Program) viewStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "status [flags]",
		Short:   "Say how far the list of jobs is behind the log.",
		Args:    nothing,
		Example: "millrace view status\nmillrace view status -o json",
	}
	return p.asks(cmd, func(ctx context.Context, c *client.Client, _ []string) error {
		v, err := c.View(ctx)
		if err != nil {
			return err
		}
		return p.showView(v)
	})
}

func (p *Program) viewRebuildCommand() *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   "rebuild [flags]",
		Short: "Build the list of jobs again from the log.",
		Long: "The list that is there serves until the new one has caught up, also when something\n" +
			"is killed meanwhile. Asking again while that goes on changes nothing.",
		Args:    nothing,
		Example: "millrace view rebuild\nmillrace view rebuild --wait",
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "return when the new list serves")
	takesReason(cmd)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, _ []string) error {
		v, err := c.RebuildView(ctx)
		if err == nil && wait {
			v, err = untilServed(ctx, c, v)
		}
		if err != nil {
			return err
		}
		return p.showView(v)
	})
}

// viewPause is how often it is asked whether a new list serves.
const viewPause = 100 * time.Millisecond

// untilServed waits until the generation that is being built serves.
func untilServed(ctx context.Context, c *client.Client, v *api.View) (*api.View, error) {
	if v.Building == nil {
		return v, nil
	}
	wanted := v.Building.Generation
	ticker := time.NewTicker(viewPause)
	defer ticker.Stop()
	for v.Generation < wanted {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-ticker.C:
		}
		var err error
		if v, err = c.View(ctx); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (p *Program) showView(v *api.View) error {
	return p.print(viewObject{"view", *v}, func(w io.Writer) error {
		t := term.NewTable("DATABASE", "GENERATION", "SEQUENCE", "BEHIND", "STATE")
		state := "follows the log"
		if v.Stale {
			state = "stale: " + term.Clean(v.Problem)
		}
		behind := fmt.Sprintf("%d, %.1fs", v.Lag, v.LagSeconds)
		t.Row(v.Database, fmt.Sprint(v.Generation), fmt.Sprint(v.Sequence), behind, state)
		if b := v.Building; b != nil {
			t.Row(v.Database, fmt.Sprint(b.Generation), fmt.Sprint(b.Sequence),
				fmt.Sprint(v.Newest-min(v.Newest, b.Sequence)), "is being built")
		}
		_, err := t.WriteTo(w)
		return err
	})
}
