package term

import (
	"io"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// frameTime is how long one picture stays.
const frameTime = 80 * time.Millisecond

// Draw returns the lines to show on a terminal of the given width. Frame counts
// the pictures from 0. It is called from one goroutine at a time.
type Draw func(width, frame int) []string

// Live redraws a few lines in place, ten times a second. It reads no input, so
// that Ctrl-C stays a signal.
type Live struct {
	program *tea.Program
	done    chan struct{}
	err     error
}

// NewLive starts to draw on w, which is a terminal. The caller calls Stop.
func NewLive(w io.Writer, draw Draw) *Live {
	l := &Live{done: make(chan struct{})}
	l.program = tea.NewProgram(&liveModel{draw: draw, width: 80},
		tea.WithOutput(w), tea.WithInput(nil), tea.WithoutSignalHandler(), tea.WithFPS(30))
	go func() {
		defer close(l.done)
		_, l.err = l.program.Run()
	}()
	return l
}

// Print writes a line above the drawn ones.
func (l *Live) Print(line string) {
	// The message itself is sent, not a command that makes it: commands run
	// beside the loop, and Stop could overtake the line.
	l.program.Send(tea.Println(Clean(line))())
}

// Stop draws one last picture, leaves it on the terminal, and returns when the
// cursor is back. It may be called twice.
func (l *Live) Stop() error {
	l.program.Send(lastMsg{})
	<-l.done
	return l.err
}

// ShowCursor undoes the hiding of the cursor, for a program that ends without
// having stopped its Live.
func ShowCursor(w io.Writer) { _, _ = io.WriteString(w, "\x1b[?25h\r\n") }

type (
	frameMsg struct{}
	lastMsg  struct{}
)

type liveModel struct {
	draw  Draw
	width int
	frame int
}

// Init asks for the first picture.
func (m *liveModel) Init() tea.Cmd { return nextFrame() }

// Update counts the pictures and follows the size of the terminal.
func (m *liveModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width = msg.Width
	case lastMsg:
		return m, tea.Quit
	case frameMsg:
		m.frame++
		return m, nextFrame()
	}
	return m, nil
}

// View draws.
func (m *liveModel) View() string {
	return strings.Join(m.draw(max(m.width, 20), m.frame), "\n") + "\n"
}

func nextFrame() tea.Cmd {
	return tea.Tick(frameTime, func(time.Time) tea.Msg { return frameMsg{} })
}
