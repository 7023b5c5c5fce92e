package fetch_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// Two versions of a file of the same length.
var (
	older = version{content(1), `"v1"`, time.Time{}}
	newer = version{content(2), `"v2"`, time.Time{}}
)

// partial answers with what it says is a part of a file.
func partial(w http.ResponseWriter, tag, rng string, data []byte) {
	w.Header().Set("ETag", tag)
	if rng != "" {
		w.Header().Set("Content-Range", rng)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(http.StatusPartialContent)
	_, _ = w.Write(data)
}

// start is where a request wants to begin, 0 when it does not say.
func start(r *http.Request) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-"))
	return n
}

// span is the header of a range up to the end of a file.
func span(from, total int) string { return fmt.Sprintf("bytes %d-%d/%d", from, total-1, total) }

// answers are what a server may say that is asked for a rest.
type answers map[string]func(w http.ResponseWriter, r *http.Request)

// otherAnswers are those after which the file must not be gone on with.
func otherAnswers() answers {
	all := answers{
		"has changed":    newer.serve,
		"has no version": version{data: newer.data}.serve,
		"cannot do ranges": func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			newer.serve(w, r)
		},
		"does not look at the condition": func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("If-Range")
			newer.serve(w, r)
		},
		"does not say of which version": func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("If-Range")
			version{data: newer.data}.serve(w, r)
		},
		"begins earlier": func(w http.ResponseWriter, r *http.Request) {
			partial(w, older.etag, span(start(r)-1, fileSize), older.data[start(r)-1:])
		},
		"begins later": func(w http.ResponseWriter, r *http.Request) {
			partial(w, older.etag, span(start(r)+1, fileSize), older.data[start(r)+1:])
		},
		"has another length": func(w http.ResponseWriter, r *http.Request) {
			partial(w, older.etag, span(start(r), fileSize+1), append(older.data[start(r):len(older.data):len(older.data)], 'x'))
		},
		"has a weak tag": func(w http.ResponseWriter, r *http.Request) {
			partial(w, "W/"+older.etag, span(start(r), fileSize), older.data[start(r):])
		},
	}
	maps.Copy(all, oddAnswers())
	return all
}

// oddAnswers are no proper answers.
func oddAnswers() answers {
	return answers{
		"says no range": func(w http.ResponseWriter, r *http.Request) { partial(w, older.etag, "", older.data[start(r):]) },
		"says rubbish": func(w http.ResponseWriter, r *http.Request) {
			partial(w, older.etag, "bytes 1-/x", older.data[start(r):])
		},
		"says two ranges": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Content-Range", span(0, fileSize))
			w.Header()["Content-Range"] = append(w.Header()["Content-Range"], span(start(r), fileSize))
			partial(w, older.etag, "", older.data[start(r):])
		},
		"sends many ranges": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "multipart/byteranges; boundary=x")
			partial(w, older.etag, "", []byte("--x\r\nContent-Range: "+span(start(r), fileSize)+"\r\n\r\n"))
		},
		"sends less than it says": func(w http.ResponseWriter, r *http.Request) {
			partial(w, older.etag, span(start(r), fileSize), older.data[start(r):fileSize-1])
		},
		"sends more than it says": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", older.etag)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start(r), start(r)+9, fileSize))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(older.data[start(r):])
		},
		"compresses": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			partial(w, older.etag, span(start(r), fileSize), older.data[start(r):])
		},
		"has less now": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes */100")
			w.Header().Set("ETag", older.etag)
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		},
		"says that there is no rest": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", start(r)))
			w.Header().Set("ETag", older.etag)
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		},
	}
}

// TestOtherVersion lets servers answer in all ways after a crash. The file that
// comes of it is of one version, whatever they do.
func TestOtherVersion(t *testing.T) {
	t.Parallel()
	for name, rest := range otherAnswers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
				switch {
				case n == 0:
					older.serve(w, r)
				case r.Header.Get("Range") != "":
					rest(w, r)
				default:
					newer.serve(w, r)
				}
			})
			j := newJob(t, anywhere(), from(s.url+"/x")...)
			j.crash(2 << 20)
			j.finish(newer.data)
			if at := s.requests()[1]; at.rng == "" || at.condition != older.etag || j.resumed.Done == 0 {
				t.Errorf("went on at %d and asked %+v", j.resumed.Done, at)
			}
			if n := len(s.requests()); n > 3 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// TestNoVersion fetches from servers that do not say what they have in a way that
// can be held against them later. They are asked for everything again.
func TestNoVersion(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]http.Header{
		"nothing":          {},
		"weak tag":         {"Etag": {`W/"v1"`}},
		"weak tag, date":   {"Etag": {`W/"v1"`}, "Last-Modified": {"Thu, 02 Jan 2020 03:04:05 GMT"}},
		"no tag":           {"Etag": {`v1`}},
		"two tags":         {"Etag": {`"v1"`, `"v2"`}},
		"long tag":         {"Etag": {`"` + strings.Repeat("x", 600) + `"`}},
		"date of just now": {"Last-Modified": {"Thu, 02 Jan 2020 03:04:05 GMT"}, "Date": {"Thu, 02 Jan 2020 03:04:05 GMT"}},
		"no date":          {"Last-Modified": {"yesterday"}},
		"no ranges":        {"Etag": {`"v1"`}, "Accept-Ranges": {"none"}},
		"compressed":       {"Etag": {`"v1"`}, "Content-Encoding": {"br"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
				for k, v := range header {
					w.Header()[k] = v
				}
				w.Header().Set("Content-Length", strconv.Itoa(fileSize))
				_, _ = w.Write([]version{older, newer}[min(n, 1)].data)
			})
			j := newJob(t, anywhere(), from(s.url+"/x")...)
			j.crash(2 << 20)
			j.finish(newer.data)
			for _, a := range s.requests() {
				if a.rng != "" || a.condition != "" {
					t.Errorf("asked %+v", a)
				}
			}
			if j.resumed.Done != 0 {
				t.Errorf("says that %d bytes were saved", j.resumed.Done)
			}
		})
	}
}

// TestRedirects follows again from the first address, and goes on only where it
// was.
func TestRedirects(t *testing.T) {
	t.Parallel()
	tagless := func(v version) version {
		return version{data: v.data, modified: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)}
	}
	for name, test := range map[string]struct {
		to   [2]string
		at   func(path string) version
		goOn bool
		want []byte
	}{
		"to the same":        {[2]string{"/a", "/a"}, func(string) version { return older }, true, older.data},
		"with other secrets": {[2]string{"/a?sig=1", "/a?sig=2"}, func(string) version { return older }, true, older.data},
		"elsewhere, same tag": {[2]string{"/a", "/b"}, func(path string) version {
			if path == "/a" {
				return older
			}
			return version{data: newer.data, etag: older.etag}
		}, false, newer.data},
		"other query, no tag": {[2]string{"/a?id=1", "/a?id=2"}, func(path string) version {
			if path == "/a?id=1" {
				return tagless(older)
			}
			return tagless(newer)
		}, false, newer.data},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
				if r.URL.Path == "/first" {
					http.Redirect(w, r, test.to[min(n/2, 1)], http.StatusFound)
					return
				}
				test.at(r.URL.RequestURI()).serve(w, r)
			})
			j := newJob(t, anywhere(), from(s.url+"/first")...)
			j.crash(2 << 20)
			j.finish(test.want)
			if at := s.from(t); test.goOn != (at > 0) {
				t.Errorf("went on at %d: %+v", at, s.requests())
			}
			if s.requests()[2].rng != "" {
				t.Error("the first address was asked for a range")
			}
		})
	}
}

// TestRedirectsAway goes from one host to another that has a file of the same
// name and tag.
func TestRedirectsAway(t *testing.T) {
	t.Parallel()
	mirror := func(v version) *httptest.Server {
		m := httptest.NewServer(http.HandlerFunc(v.serve))
		t.Cleanup(m.Close)
		return m
	}
	mirrors := []*httptest.Server{mirror(older), mirror(version{data: newer.data, etag: older.etag})}
	s := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		http.Redirect(w, r, mirrors[n].URL, http.StatusFound)
	})
	j := newJob(t, anywhere(), from(s.url+"/first")...)
	j.crash(2 << 20)
	j.finish(newer.data)
}

// TestUnaskedPart refuses a part that nobody asked for.
func TestUnaskedPart(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		partial(w, older.etag, span(0, fileSize), older.data)
	})
	if _, err := get(t, s.url, ""); !fault.Has(err, fault.FetchRejected) {
		t.Errorf("got %v", err)
	}
}

// TestLiesAboutVersion fetches from a server that says that it has the same file
// and has another. What is expected decides.
func TestLiesAboutVersion(t *testing.T) {
	t.Parallel()
	liar := version{data: newer.data, etag: older.etag}
	s := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		[]version{older, liar}[min(n, 1)].serve(w, r)
	})
	digest := func() string {
		j := newJob(t, anywhere(), from(serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			newer.serve(w, r)
		}).url+"/x")...)
		r, err := j.attempt(-1)
		if err != nil {
			t.Fatal(err)
		}
		return r.Files[0].Digest
	}()
	j := newJob(t, anywhere(), from(s.url+"/x")...)
	j.config = `{"expect":{"x":"` + digest + `"}}`
	j.crash(2 << 20)
	j.finish(newer.data)
	if n := len(s.requests()); n != 3 {
		t.Errorf("asked %d times", n)
	}
}

// TestUnknownLength goes on with a file of which nobody said how long it is.
func TestUnknownLength(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if n > 0 {
			older.serve(w, r)
			return
		}
		w.Header().Set("ETag", older.etag)
		w.(http.Flusher).Flush()
		_, _ = w.Write(older.data)
	})
	j := newJob(t, anywhere(), from(s.url+"/x")...)
	j.crash(2 << 20)
	j.finish(older.data)
	if j.resumed.Done == 0 || s.from(t) != j.resumed.Done {
		t.Errorf("went on at %d and asked for %d", j.resumed.Done, s.from(t))
	}
}

// TestSaysThatAllIsHere goes on with a file of unknown length of which nothing is
// missing but the end. The server says so, and of which version.
func TestSaysThatAllIsHere(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tag  string
		want []byte
	}{"same version": {older.etag, older.data}, "it does not say": {"", newer.data}, "another": {newer.etag, newer.data}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
				switch {
				case n == 0:
					w.Header().Set("ETag", older.etag)
					w.(http.Flusher).Flush()
					_, _ = w.Write(older.data)
					w.(http.Flusher).Flush()
					panic(http.ErrAbortHandler)
				case r.Header.Get("Range") != "":
					if test.tag != "" {
						w.Header().Set("ETag", test.tag)
					}
					w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", fileSize))
					w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
					fmt.Fprint(w, "some excuse")
				default:
					newer.serve(w, r)
				}
			})
			j := newJob(t, anywhere(), from(s.url+"/x")...)
			j.finish(test.want)
		})
	}
}
