package screen

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/millrace/millrace/services/millrace/term"
)

// Cut cuts a line to a width in columns; a cut line ends in "…". Colors count nothing.
func Cut(line string, width int) string { return ansi.Truncate(line, max(width, 0), "…") }

// Pad cuts or fills a line to a width in columns.
func Pad(line string, width int) string {
	line = Cut(line, width)
	return line + strings.Repeat(" ", max(width-ansi.StringWidth(line), 0))
}

// Ends sets one text at the left end of a line and one at its right end. The right one
// is left out when there is no room for both.
func Ends(left, right string, width int) string {
	room := width - ansi.StringWidth(right) - 1
	if right == "" || ansi.StringWidth(left) > room {
		return Cut(left, width)
	}
	return Pad(left, room) + " " + right
}

// Fit lays lines out on a window: head at the top, foot at the bottom, and of body
// what there is room for. Where there is no room for all, the foot wins.
func Fit(width, height int, head, body, foot []string) string {
	foot = foot[max(len(foot)-height, 0):]
	room := height - len(foot)
	lines := make([]string, 0, height)
	for _, line := range append(append([]string{}, head...), body...) {
		if len(lines) < room {
			lines = append(lines, Cut(line, width))
		}
	}
	for len(lines) < room {
		lines = append(lines, "")
	}
	for _, line := range foot {
		lines = append(lines, Cut(line, width))
	}
	return strings.Join(lines, "\n")
}

// Around returns at most room of some lines, so that the line at is among them.
func Around(lines []string, at, room int) []string {
	if room <= 0 {
		return nil
	}
	if len(lines) <= room {
		return lines
	}
	from := min(max(at-room/2, 0), len(lines)-room)
	return lines[from : from+room]
}

// Rule is a line across the window with a title in it.
func Rule(p term.Paint, title string, width int) string {
	return p.Faint("── ") + p.Strong(title) + " " + p.Faint(strings.Repeat("─", max(width-ansi.StringWidth(title)-4, 0)))
}

// Key is a key and what it does now.
type Key struct{ Name, Does string }

// Keys is a line of keys. Those that there is no room for are left out from the right;
// the last one always stays.
func Keys(p term.Paint, keys []Key, width int) string {
	show := func(k Key) string { return p.Strong(k.Name) + " " + p.Faint(k.Does) }
	if len(keys) == 0 {
		return ""
	}
	last := show(keys[len(keys)-1])
	line := ""
	for _, k := range keys[:len(keys)-1] {
		more := line + show(k) + "  "
		if ansi.StringWidth(more)+ansi.StringWidth(last) > width {
			break
		}
		line = more
	}
	return Cut(line+last, width)
}

// Move returns where a selection of n rows goes from at with a key.
func Move(key string, at, n int) int {
	switch key {
	case "up", "k":
		at--
	case "down", "j":
		at++
	case "home", "g":
		at = 0
	case "end", "G":
		at = n - 1
	}
	return max(min(at, n-1), 0)
}

// Wrap breaks a text into lines of a width in columns, between words where it can.
func Wrap(text string, width int) string { return ansi.Wrap(text, max(width, 1), "") }
