package fetch

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
)

// sourcesOf makes up so many sources.
func sourcesOf(n int) []wanted {
	all := make([]wanted, n)
	for i := range all {
		all[i].name = fmt.Sprint("f", i)
	}
	return all
}

func fileOf(i int, mediaType string) events.File {
	return events.File{
		Name: fmt.Sprint("f", i), Digest: "sha256:" + fmt.Sprintf("%064x", i+1), Size: 1<<40 + int64(i), MediaType: mediaType,
	}
}

// TestStateFits fills a state with the most and the longest that it may hold.
func TestStateFits(t *testing.T) {
	t.Parallel()
	var s state
	sources := sourcesOf(stage.MaxFiles)
	kept := 0
	for i := range sources {
		typ := ""
		if i < 100 {
			typ = fmt.Sprint("application/", strings.Repeat("&", 20), i)
		}
		if s.keep(i, fileOf(i, typ), false) {
			kept++
		}
	}
	if kept < 900 || kept == len(sources) {
		t.Fatalf("%d files are kept", kept)
	}
	tag := `"` + strings.Repeat("<", 80) + `"`
	h := http.Header{"Etag": {tag}}
	v := versionOf(&url.URL{Scheme: "http", Host: "x"}, h)
	if v == nil {
		t.Fatal("the longest tag is none")
	}
	if versionOf(&url.URL{}, http.Header{"Etag": {`"` + strings.Repeat("<", 90) + `"`}}) != nil {
		t.Fatal("a longer tag is one")
	}
	for i := range atOnce {
		s.Open = append(s.Open, place{Index: 990 + i, Type: strings.Repeat("&", 42), Total: 1 << 50, Version: v})
	}
	data, err := json.Marshal(&s)
	if err != nil || len(data) > 64<<10 {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	t.Logf("%d bytes", len(data))
	var back state
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if got := back.kept(sources); len(got) != kept || got[999] != fileOf(999, "") {
		t.Errorf("%d files come back, %v", len(got), got[999])
	}
	if diff := cmp.Diff(s.Open, back.Open); diff != "" {
		t.Error(diff)
	}
}

func TestStateKeeps(t *testing.T) {
	t.Parallel()
	var s state
	sources := sourcesOf(3)
	sources[1].MediaType = "text/csv"
	for i, typ := range []string{"text/plain", "text/csv", ""} {
		if !s.keep(i, fileOf(i, typ), i == 1) {
			t.Fatal("there is no room")
		}
	}
	again := events.File{Name: "f2", Digest: "sha256:" + strings.Repeat("f", 64), Size: 7, MediaType: "text/plain"}
	if !s.keep(2, again, false) || s.keep(0, events.File{Digest: "sha256:x"}, false) {
		t.Error("what is kept is no digest, or not kept")
	}
	want := map[int]events.File{0: fileOf(0, "text/plain"), 1: fileOf(1, "text/csv"), 2: again}
	if diff := cmp.Diff(want, s.kept(sources)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"text/plain"}, s.Types); diff != "" {
		t.Error(diff)
	}
	if got := s.kept(sources[:2]); len(got) != 2 {
		t.Errorf("of 2 sources %v are kept", got)
	}
}

// TestStateIsChecked changes a state so that it can still be read.
func TestStateIsChecked(t *testing.T) {
	t.Parallel()
	var s state
	s.keep(0, fileOf(0, "text/plain"), false)
	data, err := json.Marshal(&s)
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		"text/plain": "text/plane", `"check":"`: `"check":"x`, `"check"`: `"chick"`, `"types"`: `"kinds"`,
	} {
		changed := strings.Replace(string(data), from, to, 1)
		if changed == string(data) || json.Unmarshal([]byte(changed), new(state)) == nil {
			t.Errorf("%s is read", changed)
		}
	}
	if err := json.Unmarshal(data, new(state)); err != nil {
		t.Error(err)
	}
}

// FuzzState reads states that somebody made up: with and without their check.
func FuzzState(f *testing.F) {
	s := state{Open: []place{{Index: 1, Total: 8, Version: &version{ETag: `"x"`}}}}
	s.keep(0, fileOf(0, "text/plain"), false)
	good, err := json.Marshal(&s)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(good), `{}`, `null`, `[]`, `{"kept":"AAAA","of":"//8="}`, `{"open":[{"i":-1}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var s state
		if json.Unmarshal(data, &s) == nil {
			again, err := json.Marshal(&s)
			if err != nil || json.Unmarshal(again, &s) != nil {
				t.Fatalf("%s is read and then is not, %v", data, err)
			}
		}
		var b bare
		if json.Unmarshal(data, &b) != nil {
			return
		}
		s = state(b)
		for i, file := range s.kept(sourcesOf(2)) {
			if i < 0 || i > 1 || file.Size < 0 {
				t.Fatalf("source %d has %v", i, file)
			}
		}
	})
}

func TestParseRange(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][3]int64{
		"bytes 0-0/1": {0, 0, 1}, "bytes 2-7/8": {2, 7, 8}, "Bytes 2-7/*": {2, 7, -1}, "bytes */8": {-1, -1, 8},
		"bytes 0-9223372036854775806/9223372036854775807": {0, 1<<63 - 2, 1<<63 - 1},
	} {
		first, last, total, ok := parseRange(text)
		if got := [3]int64{first, last, total}; !ok || got != want {
			t.Errorf("%s: %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{
		"", "bytes", "bytes ", "bytes */*", "bytes 2-7", "bytes 7-2/8", "bytes 2-8/8", "items 2-7/8", "bytes=2-7/8",
		"bytes -2-7/8", "bytes +2-7/8", "bytes 2-7/+8", "bytes 2-7/8 ", "bytes  2-7/8", "bytes 2-/8", "bytes -7/8",
		"bytes 2-7/8/8", "bytes 0-1/9223372036854775808", "bytes 2-7,9-9/10", "bytes 0x2-7/8", "bytes 1_0-20/80",
	} {
		if first, last, total, ok := parseRange(text); ok {
			t.Errorf("%q: %d %d %d", text, first, last, total)
		}
	}
}

// FuzzRest lets servers say anything of a rest. What is used fits.
func FuzzRest(f *testing.F) {
	f.Add(206, "bytes 2-7/8", `"v"`, int64(6), int64(2), int64(8))
	f.Add(206, "bytes 2-7/*", `"v"`, int64(-1), int64(2), int64(0))
	f.Add(416, "bytes */2", `"v"`, int64(-1), int64(2), int64(0))
	f.Fuzz(func(t *testing.T, code int, rng, tag string, length, size, total int64) {
		if size <= 0 || total < 0 {
			return
		}
		p := place{Total: total, Version: &version{ETag: `"v"`}}
		resp := &http.Response{
			StatusCode: code, ContentLength: length, Header: http.Header{"Content-Range": {rng}, "Etag": {tag}}, Body: http.NoBody,
		}
		a, why := p.rest(resp, size)
		if why != "" {
			return
		}
		if a.from != size || a.length < 0 || a.total < a.from+a.length || total > 0 && a.total != total || tag != `"v"` {
			t.Fatalf("%q of %d after %d: %+v", rng, total, size, a)
		}
	})
}

// TestAllIsHere begins with a place that has every byte of the file, of which only
// the end is missing: nothing is asked for.
func TestAllIsHere(t *testing.T) {
	t.Parallel()
	asked := 0
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked++ }))
	f := New(Options{AllowPrivateNetworks: true})
	j := stagetest.NewJob(t, stagetest.Case{Sources: []events.Source{{URL: site.URL}}})
	at, query := whereabouts(mustParse(t, site.URL))
	save(t, j.Attempt(), place{
		Type: "text/plain", Total: 3, Version: &version{ETag: `"v"`, At: at, Query: query},
	}, "abc")
	task := j.Attempt()
	var progress []string
	task.Report = func(done, total int64, _ string) { progress = append(progress, fmt.Sprint(done, "/", total)) }
	r, err := f.Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	site.Close()
	if got := r.Files[0]; asked != 0 || string(stagetest.Read(t, task, got)) != "abc" || got.MediaType != "text/plain" {
		t.Errorf("asked %d times for %v", asked, got)
	}
	if diff := cmp.Diff([]string{"3/3"}, progress); diff != "" {
		t.Error(diff)
	}
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// save leaves a place with a source of which there is that much.
func save(t *testing.T, task *stage.Task, p place, content string) {
	t.Helper()
	s := &state{}
	run, err := task.Resume(t.Context(), stateVersion, s)
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Output(t.Context(), p.key(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	s.Open = []place{p}
	if err := run.Save(t.Context(), int64(len(content)), p.Total); err != nil {
		t.Fatal(err)
	}
}
