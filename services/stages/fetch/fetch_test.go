package fetch_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/fetch"
)

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// at is a source that is a local file.
func at(path string) []events.Source {
	return []events.Source{{URL: (&url.URL{Scheme: "file", Path: path}).String()}}
}

// from is a source that is an address.
func from(address string) []events.Source { return []events.Source{{URL: address}} }

// web serves files, and what else a source may answer.
func web(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/text.txt", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, "some text")
	})
	mux.HandleFunc("/big", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, stagetest.Content{Name: "big", Size: 3 << 20}.Reader())
	})
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		var code int
		_, _ = fmt.Sscan(r.PathValue("code"), &code)
		if after := r.FormValue("after"); after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.WriteHeader(code)
	})
	mux.HandleFunc("/to", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.FormValue("url"))
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		fmt.Fprint(w, "only this")
	})
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		fmt.Fprint(w, "\x1f\x8b not unpacked")
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func outputs(want ...string) func(*testing.T, *stage.Task, stage.Result) {
	return func(t *testing.T, task *stage.Task, r stage.Result) {
		var got []string
		for _, f := range r.Files {
			got = append(got, f.Name, f.MediaType, string(stagetest.Read(t, task, f)))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// world is what there is to fetch, and what must not be.
type world struct {
	site, allowed, one, secret string
}

// digest is that of "one".
const digest = "sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"

func makeWorld(t *testing.T) world {
	t.Helper()
	dir := t.TempDir()
	w := world{
		site: web(t), allowed: filepath.Join(dir, "allowed"),
		one:    write(t, filepath.Join(dir, "allowed", "sub", "a.txt"), "one"),
		secret: write(t, filepath.Join(dir, "secret"), "secret"),
	}
	for name, target := range map[string]string{
		"out": w.secret, "relative-out": "../secret", "dir-out": "..", "in": "sub/a.txt", "loop": "loop", "dangling": "x",
	} {
		if err := os.Symlink(target, filepath.Join(w.allowed, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(w.allowed, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", filepath.Join(w.allowed, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return w
}

// fetched are the tasks that succeed.
func (w world) fetched() []stagetest.Case {
	return []stagetest.Case{
		{Name: "file", Sources: at(w.one), Check: outputs("a.txt", "", "one")},
		{Name: "link within", Sources: at(w.allowed + "/in"), Check: outputs("in", "", "one")},
		{Name: "expected", Sources: at(w.one), Config: `{"expect":{"a.txt":"` + digest + `"}}`},
		{Name: "http", Sources: from(w.site + "/text.txt?token=x"), Check: outputs("text.txt", "text/plain", "some text")},
		{Name: "several", Sources: []events.Source{
			{URL: "file://localhost" + w.one},
			{URL: w.site + "/text.txt", MediaType: "text/csv"},
			{Inline: []byte("in line"), Name: "a.txt"},
			{URL: "file://" + w.one},
			{Inline: []byte{}},
			{URL: w.site + "/big", Name: "../../etc/passwd"},
		}, Check: checkSeveral},
		{Name: "redirect", Sources: from(w.site + "/to?url=/text.txt"), Check: outputs("to", "text/plain", "some text")},
		{Name: "not unpacked", Sources: from(w.site + "/gzip"), Check: outputs("gzip", "", "\x1f\x8b not unpacked")},
		{Name: "handed on", Files: []stagetest.Content{{Name: "x", Data: []byte("x")}}, Check: outputs("x", "", "x")},
	}
}

// refusedPaths are local files that are not read.
func (w world) refusedPaths() []stagetest.Case {
	local := func(name, path string, want fault.Code) stagetest.Case {
		return stagetest.Case{Name: name, Sources: at(path), Fault: want}
	}
	return []stagetest.Case{
		local("outside", w.secret, fault.SubmitPathNotAllowed),
		local("dots", w.allowed+"/sub/../../secret", fault.SubmitPathNotAllowed),
		local("relative", "etc/passwd", fault.SubmitBadSource),
		local("link out", w.allowed+"/out", fault.SubmitPathNotAllowed),
		local("relative link out", w.allowed+"/relative-out", fault.SubmitPathNotAllowed),
		local("through a link out", w.allowed+"/dir-out/secret", fault.SubmitPathNotAllowed),
		local("link to itself", w.allowed+"/loop", fault.FetchNotAFile),
		local("dangling link", w.allowed+"/dangling", fault.FetchNotFound),
		local("missing", w.allowed+"/missing", fault.FetchNotFound),
		local("below a file", w.one+"/x", fault.FetchNotFound),
		local("long name", w.allowed+"/"+strings.Repeat("x", 4096), fault.FetchNotFound),
		local("name with newline", w.allowed+"/a\nb", fault.FetchNotFound),
		local("folder", w.allowed, fault.FetchNotAFile),
		local("pipe", w.allowed+"/pipe", fault.FetchNotAFile),
		local("socket", w.allowed+"/socket", fault.FetchNotAFile),
	}
}

// refusedAddresses are addresses that have no file, or may not be asked for it.
func (w world) refusedAddresses() []stagetest.Case {
	remote := func(name, address string, want fault.Code) stagetest.Case {
		return stagetest.Case{Name: name, Sources: from(address), Fault: want}
	}
	return []stagetest.Case{
		remote("another machine's file", "file://example.org/etc/passwd", fault.SubmitBadSource),
		remote("other scheme", "gopher://example.org/", fault.SubmitBadSource),
		remote("no scheme", "/etc/passwd", fault.SubmitBadSource),
		remote("no host", "http:///x", fault.SubmitBadSource),
		remote("opaque", "http:example.org", fault.SubmitBadSource),
		remote("unreadable", "http://[::1", fault.SubmitBadSource),
		remote("zero byte", "file:///a%00b", fault.SubmitBadSource),
		remote("404", w.site+"/status/404", fault.FetchNotFound),
		remote("410", w.site+"/status/410", fault.FetchNotFound),
		remote("401", w.site+"/status/401", fault.FetchDenied),
		remote("403", w.site+"/status/403", fault.FetchDenied),
		remote("418", w.site+"/status/418", fault.FetchRejected),
		remote("204", w.site+"/status/204", fault.FetchRejected),
		remote("304", w.site+"/status/304", fault.FetchRejected),
		remote("301", w.site+"/status/301", fault.FetchRejected),
		remote("429", w.site+"/status/429", fault.FetchRateLimited),
		remote("redirect to nowhere", w.site+"/to?url=/to%3Furl%3D", fault.FetchRejected),
		remote("redirect to a file", w.site+"/to?url=file:///etc/passwd", fault.FetchRejected),
		{
			Name: "no redirects", Sources: from(w.site + "/to?url=/text.txt"), Config: `{"max_redirects":0}`,
			Fault: fault.FetchTooManyRedirects,
		},
	}
}

// refusedContent are sources that give something else than what the step wants.
func (w world) refusedContent() []stagetest.Case {
	other := `{"expect":{"text.txt":"` + digest + `"}}`
	absent := `{"expect":{"b.txt":"` + digest + `"}}`
	return []stagetest.Case{
		{Name: "nothing", Fault: fault.StageNoInput},
		{Name: "too large to begin with", Sources: at(w.one), Config: `{"max_bytes":2}`, Fault: fault.FetchTooLarge},
		{Name: "too large announced", Sources: from(w.site + "/cut"), Config: `{"max_bytes":"1kB"}`, Fault: fault.FetchTooLarge},
		{Name: "too large", Sources: from(w.site + "/big"), Config: `{"max_bytes":"1MiB"}`, Fault: fault.FetchTooLarge},
		{Name: "unexpected", Sources: from(w.site + "/text.txt"), Config: other, Fault: fault.FetchMismatch},
		{Name: "expected of nothing", Sources: at(w.one), Config: absent, Fault: fault.FetchMismatch},
		{Name: "other size", Sources: []events.Source{{URL: w.site + "/text.txt", Size: 8}}, Fault: fault.FetchMismatch},
		{Name: "not held", Sources: []events.Source{{Digest: digest}}, Fault: fault.ArtifactNotFound},
	}
}

func TestFetch(t *testing.T) {
	w := makeWorld(t)
	large := filepath.Join(w.allowed, "large")
	stagetest.Test(t, stagetest.Kit{
		Stage: fetch.New(fetch.Options{AllowPaths: []string{w.allowed}, AllowPrivateNetworks: true}),
		Cases: slices.Concat(w.fetched(), w.refusedPaths(), w.refusedAddresses(), w.refusedContent()),
		BadConfigs: []string{
			`{"max_bytes":-1}`, `{"stall":"0s"}`, `{"max_redirects":21}`, `{"max_redirects":-1}`, `{"resumptions":-1}`, `{"resumptions":101}`, `{"expect":{"a":"x"}}`,
		},
		Large: func(f stagetest.Content) stagetest.Case {
			return stagetest.Case{Sources: at(large), Prepare: func(t *testing.T, _ *stage.Task) {
				out, err := os.Create(large)
				if err != nil {
					t.Fatal(err)
				}
				defer out.Close()
				if _, err := io.Copy(out, f.Reader()); err != nil {
					t.Fatal(err)
				}
			}}
		},
		MaxHeap: 32 << 20, Resumes: true,
	})
}

func checkSeveral(t *testing.T, _ *stage.Task, r stage.Result) {
	var got []string
	for _, f := range r.Files {
		got = append(got, fmt.Sprint(f.Name, " ", f.MediaType, " ", f.Size))
	}
	want := []string{
		"a.txt  3", "text.txt text/csv 9", "a-2.txt  7", "a-3.txt  3", "file  0",
		".._.._etc_passwd  3145728",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r.Findings["files"] != "6" || r.Findings["bytes"] != "3145750" {
		t.Errorf("got %v", r.Findings)
	}
}

// TestHeld checks that what the store has is passed on without being read.
func TestHeld(t *testing.T) {
	t.Parallel()
	task := stagetest.NewTask(t, stagetest.Case{Files: []stagetest.Content{{Name: "x", Size: 3 << 20}}})
	f := task.Files[0]
	task.Sources = []events.Source{
		{Digest: f.Digest, Name: "given", MediaType: "image/png", Size: f.Size}, {Digest: f.Digest},
	}
	task.Report = func(done, _ int64, _ string) { t.Errorf("%d bytes were read", done) }
	r, err := fetch.New(fetch.Options{}).Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	want := []events.File{
		{Name: "given", Digest: f.Digest, Size: f.Size, MediaType: "image/png"},
		{Name: "file", Digest: f.Digest, Size: f.Size},
	}
	if diff := cmp.Diff(want, r.Files); diff != "" {
		t.Error(diff)
	}
}

// TestManyNames fetches many sources of one name, which is as long as names get.
func TestManyNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{strings.Repeat("x", 255), strings.Repeat("ü", 120) + ".json", "a", "." + strings.Repeat("e", 254)} {
		var c stagetest.Case
		for i := range 120 {
			c.Sources = append(c.Sources, events.Source{Name: name, Inline: []byte(fmt.Sprint(i))})
		}
		task := stagetest.NewTask(t, c)
		r, err := fetch.New(fetch.Options{}).Run(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Check(); err != nil {
			t.Error(err)
		}
		seen := map[string]bool{}
		for i, f := range r.Files {
			if seen[f.Name] {
				t.Errorf("%s is given twice", f.Name)
			}
			seen[f.Name] = true
			if got := stagetest.Read(t, task, f); string(got) != fmt.Sprint(i) {
				t.Errorf("file %d has the content of %s", i, got)
			}
		}
	}
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	stagetest.Unprivileged(t, func(t *testing.T, dir string) {
		paths := map[string]string{
			"file":   write(t, filepath.Join(dir, "file"), "x"),
			"folder": write(t, filepath.Join(dir, "folder", "file"), "x"),
		}
		for _, closed := range []string{paths["file"], filepath.Join(dir, "folder")} {
			if err := os.Chmod(closed, 0); err != nil {
				t.Fatal(err)
			}
		}
		s := fetch.New(fetch.Options{AllowPaths: []string{dir}})
		for name, path := range paths {
			_, err := s.Run(t.Context(), stagetest.NewTask(t, stagetest.Case{Sources: at(path)}))
			if !fault.Has(err, fault.FetchUnreadable) || fault.ClassOf(err) != fault.Auth {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if err := os.Chmod(filepath.Join(dir, "folder"), 0o755); err != nil { // to be removed
			t.Fatal(err)
		}
	})
}

// TestChanging changes a file while it is read.
func TestChanging(t *testing.T) {
	t.Parallel()
	const size = 3 << 20
	changes := map[string]func(path string) error{
		"vanishes": os.Remove,
		"shrinks":  func(path string) error { return os.Truncate(path, size-1) },
		"empties":  func(path string) error { return os.Truncate(path, 0) },
		"grows": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteString("more")
			return err
		},
		"is written to": func(path string) error { return overwrite(path) },
		"is written to and set back": func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			if err := overwrite(path); err != nil {
				return err
			}
			return os.Chtimes(path, info.ModTime(), info.ModTime())
		},
		"is replaced": func(path string) error {
			if err := os.WriteFile(path+".new", make([]byte, size), 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		},
		"becomes a folder": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Mkdir(path, 0o755)
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := write(t, filepath.Join(t.TempDir(), "f"), strings.Repeat("x", size))
			task := stagetest.NewTask(t, stagetest.Case{Sources: at(path)})
			changed := false
			task.Report = func(done, _ int64, _ string) {
				if !changed {
					changed = true
					if err := change(path); err != nil {
						t.Error(err)
					}
				}
			}
			s := fetch.New(fetch.Options{AllowPaths: []string{filepath.Dir(path)}})
			_, err := s.Run(t.Context(), task)
			if !changed || !fault.Has(err, fault.FetchChanged) || fault.ClassOf(err) != fault.Transient {
				t.Errorf("got %v", err)
			}
		})
	}
}

func overwrite(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString("y")
	return err
}

// TestGrowsForever reads a file that somebody appends to as fast as it is read.
func TestGrowsForever(t *testing.T) {
	t.Parallel()
	path := write(t, filepath.Join(t.TempDir(), "log"), strings.Repeat("x", 1<<20))
	task := stagetest.NewTask(t, stagetest.Case{Sources: at(path)})
	task.Report = func(int64, int64, string) {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		if _, err := f.Write(make([]byte, 1<<20)); err != nil {
			t.Error(err)
		}
	}
	s := fetch.New(fetch.Options{AllowPaths: []string{filepath.Dir(path)}})
	if _, err := s.Run(t.Context(), task); !fault.Has(err, fault.FetchChanged) {
		t.Errorf("got %v", err)
	}
}

// TestClaimsToBeEmpty reads a file that claims to be empty and is not.
func TestClaimsToBeEmpty(t *testing.T) {
	t.Parallel()
	s := fetch.New(fetch.Options{AllowPaths: []string{"/proc"}})
	_, err := s.Run(t.Context(), stagetest.NewTask(t, stagetest.Case{Sources: at("/proc/self/stat")}))
	if !fault.Has(err, fault.FetchChanged) && !fault.Has(err, fault.SubmitPathNotAllowed) {
		t.Errorf("got %v", err)
	}
}

// TestRootIsALink allows a folder that is a link, and names files by both paths.
func TestRootIsALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	real := write(t, filepath.Join(dir, "real", "f"), "x")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "real"), link); err != nil {
		t.Fatal(err)
	}
	s := fetch.New(fetch.Options{AllowPaths: []string{link}})
	for _, path := range []string{real, filepath.Join(link, "f")} {
		if _, err := s.Run(t.Context(), stagetest.NewTask(t, stagetest.Case{Sources: at(path)})); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestFreshFile waits a moment for a file that was written just now, so that a
// write within the same tick of the clock cannot hide.
func TestFreshFile(t *testing.T) {
	t.Parallel()
	path := write(t, filepath.Join(t.TempDir(), "f"), "x")
	s := fetch.New(fetch.Options{AllowPaths: []string{filepath.Dir(path)}})
	before := time.Now()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(t.Context(), stagetest.NewTask(t, stagetest.Case{Sources: at(path)})); err != nil {
		t.Fatal(err)
	}
	if age := time.Since(info.ModTime()); age < 20*time.Millisecond {
		t.Errorf("read %v after it was written, begun at %v", age, before)
	}
}
