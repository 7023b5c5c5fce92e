// Package screen shows full screens on a terminal: the loop that draws them and gives
// the terminal back however it ends, and the parts that they are made of.
package screen

import (
	"context"
	"errors"
	"os"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	xterm "github.com/charmbracelet/x/term"

	"github.com/millrace/millrace/services/millrace/term"
)

// Beat is how often a screen moves by itself.
const Beat = 200 * time.Millisecond

// Tick is the message of a beat, with the time of day.
type Tick time.Time

// NextTick asks for the next beat.
func NextTick() tea.Cmd {
	return tea.Tick(Beat, func(t time.Time) tea.Msg { return Tick(t) })
}

// Run shows what start makes on the terminal that in and out are, until it quits or
// ctx ends, and gives the terminal back as it was. Start is handed a function that
// sends the screen a message from any goroutine; it returns at once when the screen
// has ended.
func Run(ctx context.Context, in, out *os.File, start func(send func(tea.Msg)) tea.Model) error {
	var program *tea.Program
	model := start(func(m tea.Msg) { program.Send(m) })
	program = tea.NewProgram(model, tea.WithInput(in), tea.WithOutput(out),
		tea.WithAltScreen(), tea.WithoutSignalHandler(), tea.WithFPS(30))
	defer term.OnDeath(givesBack(in, out))()
	defer context.AfterFunc(ctx, program.Quit)()
	if _, err := program.Run(); err != nil && !errors.Is(err, tea.ErrProgramKilled) {
		return err
	}
	return context.Cause(ctx)
}

// givesBack returns what gives a terminal back when the process ends at once.
func givesBack(in, out *os.File) func() {
	before, err := xterm.GetState(in.Fd())
	return func() {
		_, _ = out.WriteString("\x1b[?2004l\x1b[?25h\x1b[?1049l")
		if err == nil {
			_ = xterm.Restore(in.Fd(), before)
		}
	}
}
