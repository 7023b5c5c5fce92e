package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/millrace/millrace/pkg/fault"
)

func TestErrorText(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]*fault.Error{
		"the store holds no such artifact (artifact.not_found)":                      fault.New(fault.ArtifactNotFound, "", nil),
		"the store holds no such artifact: open sha256:ab (artifact.not_found)":      fault.New(fault.ArtifactNotFound, "open sha256:ab", nil),
		"the store holds no such artifact: open sha256:ab: EOF (artifact.not_found)": fault.New(fault.ArtifactNotFound, "open sha256:ab", io.EOF),
		"the store holds no such artifact: two lines (artifact.not_found)":           fault.New(fault.ArtifactNotFound, "two\nlines", nil),
		"my.own: detail (my.own)": fault.New("my.own", "detail", nil),
		"an invariant of Millrace does not hold: " + strings.Repeat("x", 984) + " (internal.bug)": fault.New(fault.InternalBug, strings.Repeat("x", 5000), nil),
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestIsAndHas(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("commit: %w", fault.New(fault.BusFenced, "revision 7", io.EOF))
	if !errors.Is(err, fault.New(fault.BusFenced, "", nil)) || !fault.Has(err, fault.BusFenced) {
		t.Error("a wrapped fault is not found by its code")
	}
	if fault.Has(err, fault.BusTimeout) || fault.Has(io.EOF, fault.BusFenced) || fault.Has(nil, fault.BusFenced) {
		t.Error("a fault is found that is not there")
	}
	if !errors.Is(err, io.EOF) {
		t.Error("the cause is lost")
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	own := fault.New(fault.FetchNotFound, "", context.Canceled)
	for name, test := range map[string]struct {
		err  error
		want fault.Code
	}{
		"a fault":        {own, fault.FetchNotFound},
		"wrapped":        {fmt.Errorf("x: %w", own), fault.FetchNotFound},
		"joined":         {errors.Join(io.EOF, own), fault.FetchNotFound},
		"cancelled":      {fmt.Errorf("x: %w", context.Canceled), fault.JobCancelled},
		"too late":       {context.DeadlineExceeded, fault.StageTimeout},
		"something else": {io.ErrUnexpectedEOF, fault.StageUnclassified},
	} {
		got := fault.From(test.err)
		if got == nil || got.Code != test.want {
			t.Errorf("%s: got %v, want %s", name, got, test.want)
		}
		if class := fault.ClassOf(test.err); class != test.want.Class() {
			t.Errorf("%s: got class %s, want %s", name, class, test.want.Class())
		}
	}
	if fault.From(nil) != nil || fault.ClassOf(nil) != "" {
		t.Error("nil is not nil")
	}
	if fault.From(own) != own {
		t.Error("a fault is wrapped again")
	}
}

func TestClass(t *testing.T) {
	t.Parallel()
	e := fault.New(fault.CommandFailed, "", nil)
	if e.Class() != fault.CommandFailed.Class() {
		t.Errorf("got %s", e.Class())
	}
	e.Override = fault.RateLimited
	if e.Class() != fault.RateLimited || fault.ClassOf(e) != fault.RateLimited {
		t.Errorf("an override gives %s", e.Class())
	}
	if info := fault.Code("no.such").Info(); info.Class != fault.Unclassified || info.Status != 500 || info.Code != "no.such" {
		t.Errorf("an unknown code gives %+v", info)
	}
}

func TestClasses(t *testing.T) {
	t.Parallel()
	seen := map[fault.Class]bool{}
	for _, c := range fault.Classes() {
		if seen[c] || !c.Known() {
			t.Errorf("%q is listed twice, or not known", c)
		}
		seen[c] = true
	}
	if len(seen) != 15 {
		t.Errorf("got %d classes, want 15", len(seen))
	}
	if fault.Class("").Known() || fault.Class("nonesuch").Known() {
		t.Error("a class is known that does not exist")
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in   string
		n    int
		want string
	}{
		{"", 5, ""},
		{"hello", 5, "hello"},
		{"hello", 4, "hell"},
		{"hello", 0, ""},
		{"a\r\n\tb\x00\x7f", 100, "a   b  "},
		{"häß", 2, "h"},
		{"häß", 3, "hä"},
		{"日本語", 8, "日本"},
		{"a\xffb", 100, "a\uFFFDb"},
		{"\xff\xff\xff", 2, ""},
	} {
		if got := fault.Clip(test.in, test.n); got != test.want {
			t.Errorf("Clip(%q, %d) = %q, want %q", test.in, test.n, got, test.want)
		}
	}
}

// FuzzClip looks for a text that leaves Clip too long, invalid or on two lines.
func FuzzClip(f *testing.F) {
	f.Add("a\nb", 2)
	f.Add("\xff\xfe日", 4)
	f.Add("日本語", 5)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 0 {
			n = 0
		}
		got := fault.Clip(s, n)
		if len(got) > n || !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n\x00\x7f") {
			t.Errorf("Clip(%q, %d) = %q", s, n, got)
		}
	})
}
