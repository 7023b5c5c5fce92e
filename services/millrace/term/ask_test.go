package term_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/millrace/millrace/services/millrace/term"
	"github.com/millrace/millrace/services/millrace/term/termtest"
)

func TestAsk(t *testing.T) {
	t.Parallel()
	terminal := termtest.Open(t)
	var said bytes.Buffer
	terminal.Type(t, "  yes \nmore\n\n")
	for _, want := range []string{"yes", "more", ""} {
		got, err := term.Ask(t.Context(), terminal.File, &said, "sure? ")
		if err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if said.String() != "millrace: sure? millrace: sure? millrace: sure? " {
		t.Errorf("said %q", said.String())
	}
}

func TestAskEndsWithItsContext(t *testing.T) {
	t.Parallel()
	terminal := termtest.Open(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	if got, err := term.Ask(ctx, terminal.File, &bytes.Buffer{}, "?"); got != "" || !errors.Is(err, enough) {
		t.Errorf("got %q, %v", got, err)
	}
}
