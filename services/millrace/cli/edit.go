package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"os"
	"os/exec"

	"github.com/millrace/millrace/pkg/fault"
)

// edit opens content in the editor of $VISUAL or $EDITOR, vi without either, and
// returns the file that it is in, which the caller removes, and what was saved: nil
// when that is what it was. pattern is the file's name as in os.CreateTemp. Faults:
// cli.unreadable, cli.interrupted when the editor fails.
func (p *Program) edit(ctx context.Context, pattern string, content []byte) (file string, saved []byte, err error) {
	f, err := os.CreateTemp("", pattern)
	if err != nil {
		return "", nil, unreadable(err)
	}
	file = f.Name()
	_, err = f.Write(content)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(file)
		return "", nil, unreadable(err)
	}
	editor := cmp.Or(p.Getenv("VISUAL"), p.Getenv("EDITOR"), "vi")
	// An editor may come with flags: the shell takes them apart, as for git.
	cmd := exec.CommandContext(ctx, "sh", "-c", editor+` "$@"`, editor, file)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = p.Dir, p.In, p.Err, p.Err
	if err := cmd.Run(); err != nil {
		_ = os.Remove(file)
		return "", nil, fault.New(fault.CliInterrupted, "the editor failed, nothing was done", err)
	}
	if saved, err = os.ReadFile(file); err != nil {
		return "", nil, unreadable(err)
	}
	if bytes.Equal(saved, content) {
		return file, nil, nil
	}
	return file, saved, nil
}

// readable writes JSON over several lines; anything else stays as it is.
func readable(data []byte) []byte {
	var b bytes.Buffer
	if json.Indent(&b, data, "", "  ") != nil {
		return data
	}
	b.WriteByte('\n')
	return b.Bytes()
}
