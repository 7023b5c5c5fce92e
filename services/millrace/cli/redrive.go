package cli

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/schemas"
)

// redriveFlags are the flags of deadletter redrive.
type redriveFlags struct {
	server       serverFlags
	data, reason string
	key          string
	edit         bool
}

func (p *Program) deadLetterRedriveCommand() *cobra.Command {
	var f redriveFlags
	cmd := &cobra.Command{
		Use:   "redrive LETTER [flags]",
		Short: "Publish the message of a dead letter again, as it was or edited.",
		Long: "It goes to its subject again with a new message id; a submission keeps its idempotency key and\n" +
			"cannot become a second job. The payload is checked against its schema before. The letter stays,\n" +
			"and says what was done about it.",
		Args:    needs("LETTER", 1),
		Example: "millrace deadletter redrive 17 --reason \"the pipeline is there now\"\nmillrace deadletter redrive 17 --edit",
	}
	flags := cmd.Flags()
	flags.StringVar(&f.data, "data", "", "`FILE` with the payload to publish instead, or - for standard input")
	flags.BoolVar(&f.edit, "edit", false, "open the payload in $VISUAL or $EDITOR and publish what is saved")
	flags.StringVar(&f.reason, "reason", "", "`TEXT` kept with the letter, at most 1 KiB")
	flags.StringVar(&f.key, "key", "", "`KEY`, 1 to 255 bytes, that makes repeating the redrive harmless (default a new one)")
	f.server.add(cmd)
	p.takesOutput(cmd)
	p.completesDeadLetters(cmd, &f.server)
	return does(cmd, func(ctx context.Context, args []string) error { return p.redrive(ctx, &f, args[0]) })
}

func (p *Program) redrive(ctx context.Context, f *redriveFlags, id string) error {
	switch {
	case f.data != "" && f.edit:
		return usage("--data and --edit exclude each other")
	case len(f.reason) > 1024:
		return usage("--reason is longer than 1 KiB")
	case len(f.key) > 255:
		return usage("--key is longer than 255 bytes")
	}
	r := client.Redriving{Reason: f.reason, Key: f.key}
	var err error
	if f.data != "" {
		if r.Data, err = p.readPayload(f.data); err != nil {
			return err
		}
	}
	c, err := p.connect(f.server)
	if err != nil {
		return err
	}
	if f.edit {
		return p.redriveEdited(ctx, c, id, r)
	}
	l, err := c.Redrive(ctx, id, r)
	if err != nil {
		return err
	}
	return p.redriven(l)
}

// redriven tells what a redrive did.
func (p *Program) redriven(l *api.DeadLetter) error {
	return p.print(deadLetterObject{"deadletter", l}, func(w io.Writer) error {
		as := ""
		if l.Done != nil {
			as = l.Done.As
			if l.Done.Job != "" {
				p.talk.Say("a submission; see what becomes of it with millrace job watch %s", l.Done.Job)
			}
		}
		return lines(w, "%s  %s  %s\n", l.ID, l.State, as)
	})
}

// redriveEdited lets a person edit the payload, and keeps the edit when the server
// refuses it.
func (p *Program) redriveEdited(ctx context.Context, c *client.Client, id string, r client.Redriving) error {
	l, err := c.DeadLetter(ctx, id)
	if err != nil {
		return err
	}
	if l.Cut {
		return fault.New(fault.DeadletterCut, "dead letter "+id, nil)
	}
	file, changed, err := p.edit(ctx, "deadletter-"+id+"-*.json", readable(payloadOf(l)))
	if err != nil {
		return err
	}
	if r.Data = changed; changed == nil {
		p.talk.Say("nothing was changed; the payload is published as it was")
	}
	r.Revision = &l.Revision
	done, err := c.Redrive(ctx, id, r)
	if err != nil {
		if changed != nil {
			p.talk.Say("the edit is kept in %s", file)
		} else {
			_ = os.Remove(file)
		}
		return err
	}
	_ = os.Remove(file) // a copy that is left over hurts nobody
	return p.redriven(done)
}

// readPayload reads a file, or standard input for "-", up to the size that a door
// takes and one byte more, so that too much is noticed and not read.
func (p *Program) readPayload(file string) ([]byte, error) {
	in := p.In
	if file != "-" {
		f, err := os.Open(p.absolute(file))
		if err != nil {
			return nil, unreadable(err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, schemas.MaxBytes+1))
	if err != nil {
		return nil, unreadable(err)
	}
	if len(data) == 0 {
		return nil, usage("--data %s is empty", file)
	}
	return data, nil
}

func (p *Program) deadLetterDropCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     "drop LETTER [flags]",
		Short:   "Say that nothing is to be done about a dead letter, and why.",
		Long:    "The letter stays until its retention ends, and can still be redriven.",
		Args:    needs("LETTER", 1),
		Example: "millrace deadletter drop 17 --reason spam\nmillrace deadletter drop 17 --reason \"sent again by hand\" -o json",
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` kept with the letter, 1 byte to 1 KiB; required")
	p.completesDeadLetters(cmd, &p.server)
	checks(cmd, func() error { return required(reason) })
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		l, err := c.DropDeadLetter(ctx, args[0], reason)
		if err != nil {
			return err
		}
		return p.print(deadLetterObject{"deadletter", l}, func(w io.Writer) error {
			return lines(w, "%s  %s\n", l.ID, l.State)
		})
	})
}
