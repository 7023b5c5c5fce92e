package term

import "strings"

// Paint colors text, or leaves it as it is: the zero value does not color.
type Paint struct{ On bool }

// Good is green, Bad red, Busy yellow, Faint dim and Strong bold.
func (p Paint) Good(s string) string { return p.wrap("32", s) }

// Bad colors s red.
func (p Paint) Bad(s string) string { return p.wrap("31", s) }

// Busy colors s yellow.
func (p Paint) Busy(s string) string { return p.wrap("33", s) }

// Faint dims s.
func (p Paint) Faint(s string) string { return p.wrap("2", s) }

// Strong makes s bold.
func (p Paint) Strong(s string) string { return p.wrap("1", s) }

func (p Paint) wrap(code, s string) string {
	if !p.On || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Bar returns a bar of the given width, filled by done of total. A total of 0 or
// less gives an empty bar.
func Bar(width int, done, total int64) string {
	width = max(width, 1)
	full := 0
	if total > 0 {
		full = int(float64(width) * float64(min(max(done, 0), total)) / float64(total))
	}
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

// frames of the spinner.
var frames = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

// Spinner returns the n-th picture of something that is busy.
func Spinner(n int) string { return frames[n%len(frames)] }
