package jobscreen

import (
	"slices"
	"strconv"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/millrace/screen"
	"github.com/millrace/millrace/services/millrace/term"
	"github.com/millrace/millrace/services/millrace/watch"
)

// maxReason is how long a reason may be, in bytes.
const maxReason = 1024

// dialog is what a person is asked before something is done. At most one of choosing
// and prompt is set.
type dialog struct {
	// choosing is a decision of which a choice is picked by its number.
	choosing *api.Decision
	prompt   *screen.Prompt
	// must says that the reason may not be left out.
	must bool
	do   func(reason string) (string, error)
}

func (d dialog) open() bool { return d.choosing != nil || d.prompt != nil }

// offered is a decision that a person asked to see.
type offered struct {
	of       *Model
	decision *api.Decision
	err      error
}

// done is what became of something that was asked for.
type done struct {
	of   *Model
	text string
	err  error
}

// begin asks for the reason of a command, about the selected step where the command
// is about one.
func (m *Model) begin(c command, choice events.Choice, steps []watch.Step) {
	order, what := api.Order{}, string(c.verb)+" this job"
	if slices.Contains(choice.Needs, "effect") {
		return
	}
	if m.selected > 0 && len(choice.Steps) > 0 {
		order.Step = steps[m.selected-1].ID
	}
	if order.Step == "" && slices.Contains(choice.Needs, "step") && len(choice.Steps) == 1 {
		order.Step = choice.Steps[0]
	}
	switch {
	case order.Step == "" && slices.Contains(choice.Needs, "step"),
		order.Step != "" && !slices.Contains(choice.Steps, order.Step):
		m.note, m.noteBad = "to "+string(c.verb)+", select one of "+joined(choice.Steps), true
		return
	case order.Step != "":
		what = string(c.verb) + " step " + order.Step
	}
	if slices.Contains(choice.Needs, "force") {
		order.Force, what = true, what+", though it is critical"
	}
	m.ask(what, slices.Contains(choice.Needs, "reason"), func(reason string) (string, error) {
		order.Reason = reason
		j, err := m.cfg.Server.Order(m.ctx, m.cfg.ID, c.verb, order)
		if err != nil {
			return "", err
		}
		return string(c.verb) + ": the job is " + string(j.Job.State), nil
	})
}

// ask opens the line that a reason is typed in.
func (m *Model) ask(what string, must bool, do func(string) (string, error)) {
	hint := "Reason, if any; Enter does it, Esc backs out"
	if must {
		hint = "Reason; Enter does it, Esc backs out"
	}
	m.dialog = dialog{
		prompt: &screen.Prompt{Question: what + "?  " + hint, Limit: maxReason}, must: must, do: do,
	}
}

// lookAtDecision reads the decision about the selected step, or the first that is open.
func (m *Model) lookAtDecision(steps []watch.Step) tea.Cmd {
	open := decisions(steps)
	if len(open) == 0 {
		return nil
	}
	id := open[0].ID
	if m.selected > 0 {
		if d := decision(steps[m.selected-1]); d != nil {
			id = d.ID
		}
	}
	return func() tea.Msg {
		d, err := m.cfg.Server.Decision(m.ctx, id)
		return offered{m, d, err}
	}
}

// offer shows what can be chosen.
func (m *Model) offer(o offered) {
	switch {
	case o.err != nil:
		m.note, m.noteBad = term.Clean(o.err.Error()), true
	case o.decision.Made != nil || len(o.decision.Choices) == 0:
		m.note, m.noteBad = "decision "+o.decision.ID+" is made", false
	default:
		m.dialog = dialog{choosing: o.decision}
	}
}

// converse takes a key of a dialog.
func (m *Model) converse(k tea.KeyMsg) tea.Cmd {
	if m.dialog.choosing != nil {
		m.choose(k)
		return nil
	}
	switch m.dialog.prompt.Press(k) {
	case screen.Dismissed:
		m.dialog, m.note, m.noteBad = dialog{}, "nothing was done", false
	case screen.Entered:
		reason, do := m.dialog.prompt.Text(), m.dialog.do
		if reason == "" && m.dialog.must {
			return nil
		}
		m.dialog, m.note, m.noteBad = dialog{}, "asking…", false
		return func() tea.Msg {
			text, err := do(reason)
			if err != nil {
				text = err.Error()
			}
			return done{m, term.Clean(text), err}
		}
	}
	return nil
}

// choose picks one of what a decision offers, by its number.
func (m *Model) choose(k tea.KeyMsg) {
	d := m.dialog.choosing
	if k.Type == tea.KeyEsc {
		m.dialog, m.note, m.noteBad = dialog{}, "nothing was decided", false
		return
	}
	n, err := strconv.Atoi(k.String())
	if err != nil || n < 1 || n > len(d.Choices) {
		return
	}
	choice := d.Choices[n-1].Choice
	m.ask("decide "+string(choice)+" about "+d.Step, choice == events.ChooseAccept, func(reason string) (string, error) {
		_, err := m.cfg.Server.Decide(m.ctx, d.ID, d.Version, api.DecisionAnswer{Choice: choice, Reason: reason})
		return "decided " + string(choice) + " about " + d.Step, err
	})
}

// lines shows the dialog.
func (d dialog) lines(p term.Paint, width int) []string {
	if d.prompt != nil {
		return d.prompt.Lines(p, width)
	}
	lines := []string{p.Strong("decide about " + d.choosing.Step + ": press a number, Esc backs out")}
	for i, o := range d.choosing.Choices {
		lines = append(lines, "  "+p.Strong(strconv.Itoa(i+1))+" "+string(o.Choice)+"  "+p.Faint(term.Clean(o.Means)))
	}
	return lines
}
