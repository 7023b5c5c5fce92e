// Package apt installs what tests need and a machine lacks, from its distribution: on a
// Debian or Ubuntu, as root or by a sudo that asks for no password. Elsewhere it says what
// to install.
package apt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace/deploy/filelock"
)

// Installer becomes root where it has to.
type Installer struct {
	// prefix comes before every command: nothing, or sudo.
	prefix []string
}

// Open returns an installer, or an error that says what a person has to do so that what,
// which packages hold, is there.
func Open(ctx context.Context, what string, packages ...string) (*Installer, error) {
	return open(ctx, os.Geteuid() == 0, what, packages)
}

func open(ctx context.Context, root bool, what string, packages []string) (*Installer, error) {
	advice := "there is no " + what + ": install it"
	if _, err := exec.LookPath("apt-get"); err != nil {
		return nil, errors.New(advice + " (without apt-get that is up to you)")
	}
	if root {
		return &Installer{}, nil
	}
	sudo := []string{"sudo", "-n"}
	if exec.CommandContext(ctx, sudo[0], append(sudo[1:], "true")...).Run() != nil {
		return nil, errors.New(advice + " (sudo apt-get install " + strings.Join(packages, " ") +
			"), or run this as root or with a sudo that asks for no password")
	}
	return &Installer{sudo}, nil
}

// Install reads the lists of packages anew and installs packages without what they only
// recommend. It waits while another program installs something.
func (i *Installer) Install(ctx context.Context, packages ...string) error {
	// One lock for the lists and one for dpkg: only of the second apt-get waits by itself.
	wait := []string{"apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"}
	if err := i.Run(ctx, append(wait, "update")...); err != nil {
		return err
	}
	return i.Run(ctx, append(append(wait, "install", "-y", "--no-install-recommends"), packages...)...)
}

// Run runs a command as root. The error holds what it has printed.
func (i *Installer) Run(ctx context.Context, command ...string) error {
	all := append(append([]string{}, i.prefix...), "env", "DEBIAN_FRONTEND=noninteractive")
	all = append(all, command...)
	if out, err := exec.CommandContext(ctx, all[0], all[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, out)
	}
	return nil
}

// Lock keeps all who install something for tests out until unlock is called: they do so
// one after the other, and the second finds what the first has installed.
func Lock() (unlock func(), err error) {
	return filelock.Lock(filepath.Join(os.TempDir(), fmt.Sprintf("millrace-install-%d.lock", os.Geteuid())))
}
