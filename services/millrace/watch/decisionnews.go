package watch

import "github.com/millrace/millrace/events"

// unheard says that nobody has decided in time about a step or its undo, and what is
// done about it, or "" when that is no news.
func unheard(was, is events.Step) string {
	if text := lateNews(was.Decision, is.Decision); text != "" {
		return text
	}
	if is.Undo == nil {
		return ""
	}
	var before *events.DecisionRecord
	if was.Undo != nil {
		before = was.Undo.Decision
	}
	return lateNews(before, is.Undo.Decision)
}

func lateNews(was, is *events.DecisionRecord) string {
	switch {
	case was == nil || is == nil || was.ID != is.ID || was.Made != nil:
		return ""
	case is.Made != nil && is.Made.Default:
		return "nobody decided in time, so the default is taken: " + string(is.Made.Choice)
	case is.Made == nil && is.Asked > was.Asked:
		return "nobody has decided in time; a person is asked again by " + stamp(is.DueAt)
	}
	return ""
}
