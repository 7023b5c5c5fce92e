package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/fault"
)

func TestParseParams(t *testing.T) {
	t.Parallel()
	got, err := parseParams([]string{
		"name=a=b", "empty=", "count:=3", `list:=["x", 1]`, "line=a\nb", "colon=x:=y", "url=http://h/?q=1",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"colon":"x:=y","count":3,"empty":"","line":"a\nb","list":["x",1],"name":"a=b","url":"http://h/?q=1"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if got, err := parseParams(nil); got != nil || err != nil {
		t.Errorf("without arguments: %s, %v", got, err)
	}
}

func TestParseParamsRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"name"}, "not name=text"},
		{[]string{"=x"}, "not name=text"},
		{[]string{":=1"}, "not name=text"},
		{[]string{""}, "not name=text"},
		{[]string{"n:=nope"}, "not JSON"},
		{[]string{"n:="}, "not JSON"},
		{[]string{"n:=1 2"}, "not JSON"},
		{[]string{"n=1", "n:=2"}, "twice"},
	} {
		_, err := parseParams(c.args)
		if !fault.Has(err, fault.CliUsage) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.args, err, c.want)
		}
	}
}

func TestParseLabels(t *testing.T) {
	t.Parallel()
	got, err := parseLabels([]string{"order=17", "note=a=b", "empty="})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"order": "17", "note": "a=b", "empty": ""}, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range [][]string{{"x"}, {"=y"}, {"a=1", "a=2"}} {
		if _, err := parseLabels(bad); !fault.Has(err, fault.CliUsage) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseParam(f *testing.F) {
	for _, seed := range []string{"a=b", "a:=1", "", "=", ":=", "a:=[1", "a:==", "\xff=\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		out, err := parseParams([]string{arg})
		if (out == nil) == (err == nil) {
			t.Errorf("%q: %s, %v", arg, out, err)
		}
	})
}
