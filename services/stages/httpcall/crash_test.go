package httpcall_test

import (
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func logTo(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// takeBack is an undo by the next attempt.
func takeBack(t testing.TB, s stage.Stage, j *stagetest.Job) error {
	t.Helper()
	return s.(stage.Compensator).Compensate(t.Context(), j.Attempt(), stage.Result{})
}

// TestLostAnswer loses the answer of the first call, with the order taken or not,
// and lets further attempts find out.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		verify string
		taken  bool
		first  fault.Code
		second fault.Code
		asked  int
		made   int
	}{
		"key, taken":      {`{"idempotent":true}`, true, fault.HttpcallNoAnswer, "", 2, 1},
		"key, not taken":  {`{"idempotent":true}`, false, fault.HttpcallNoAnswer, "", 2, 1},
		"url, taken":      {`{"url":"(shop)/orders/{id}"}`, true, fault.HttpcallNoAnswer, "", 1, 1},
		"url, not taken":  {`{"url":"(shop)/orders/{id}","wait":"1h"}`, false, fault.HttpcallNoAnswer, fault.HttpcallUnsettled, 1, 0},
		"none, taken":     {`null`, true, fault.EffectUnknown, fault.EffectUnknown, 1, 1},
		"none, not taken": {`null`, false, fault.EffectUnknown, fault.EffectUnknown, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.careless = true
			if test.verify == `{"idempotent":true}` {
				s.careless = false
			}
			if test.taken {
				s.spoil(nil, first(cut))
			} else {
				s.spoil(first(cut), nil)
			}
			st, j := newStage(t), newJob(t, `{"url":"`+s.URL+`/orders","verify":`+replace(test.verify, s.URL)+`}`)
			_, err := try(t, st, j)
			wantFault(t, err, test.first)
			_, err = try(t, st, j)
			if test.second == "" && err != nil || test.second != "" && !fault.Has(err, test.second) {
				t.Errorf("second: %v", err)
			}
			var f *fault.Error
			if test.second == fault.HttpcallUnsettled && (!errors.As(err, &f) || f.RetryAfter < time.Hour) {
				t.Errorf("second is to be put off by %v", f.RetryAfter)
			}
			if s.asked() != test.asked || s.made() != test.made {
				t.Errorf("asked %d times, made %d times", s.asked(), s.made())
			}
		})
	}
}

// replace puts the address of a shop into a configuration.
func replace(text, shop string) string { return strings.ReplaceAll(text, "(shop)", shop) }

// TestAbsentInTime asks for a call that was not taken, after it must have arrived,
// and makes it.
func TestAbsentInTime(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.spoil(first(cut), nil)
	st := newStage(t)
	j := newJob(t, `{"url":"`+s.URL+`/orders","time_limit":"2s","verify":{"url":"`+s.URL+`/orders/{id}","wait":"0s"}}`)
	_, err := try(t, st, j)
	wantFault(t, err, fault.HttpcallNoAnswer)
	for {
		_, err := try(t, st, j)
		if err == nil {
			break
		}
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.HttpcallUnsettled || f.RetryAfter <= 0 || f.RetryAfter > 2*time.Second {
			t.Fatalf("got %v", err)
		}
		<-time.After(f.RetryAfter)
	}
	if s.asked() != 2 {
		t.Errorf("asked %d times", s.asked())
	}
}

// TestVerifyAnswers gives every kind of answer to the question whether a call was
// made, and to a call that is repeated.
func TestVerifyAnswers(t *testing.T) {
	t.Parallel()
	const byKey, byURL = `{"idempotent":true}`, `{"url":"(shop)/orders/{id}","done_status":[200,418],"wait":"1h"}`
	for _, test := range []struct {
		verify string
		status int
		want   fault.Code
		asked  int
	}{
		{byURL, 418, "", 1},
		{byURL, 404, fault.HttpcallUnsettled, 1},
		{byURL, 400, fault.EffectUnknown, 1},
		{byURL, 302, fault.EffectUnknown, 1},
		{byURL, 403, fault.HttpcallDenied, 1},
		{byURL, 429, fault.HttpcallRateLimited, 1},
		{byURL, 500, fault.HttpcallServerError, 1},
		{byKey, 200, "", 2},
		{byKey, 400, fault.HttpcallRejected, 3},
		{byKey, 404, fault.EffectUnknown, 2},
		{byKey, 422, fault.EffectUnknown, 2},
		{byKey, 409, fault.HttpcallServerError, 2},
		{byKey, 403, fault.HttpcallDenied, 2},
		{byKey, 429, fault.HttpcallRateLimited, 2},
		{byKey, 500, fault.HttpcallServerError, 2},
		{byKey, 302, fault.EffectUnknown, 2},
	} {
		var posts atomic.Int32
		srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && posts.Add(1) == 1 {
				cut(w, r)
			}
			w.WriteHeader(test.status)
		})
		st, j := newStage(t), newJob(t, `{"url":"`+srv+`/orders","verify":`+replace(test.verify, srv)+`}`)
		_, err := try(t, st, j)
		wantFault(t, err, fault.HttpcallNoAnswer)
		_, err = try(t, st, j)
		if test.want == "" && err != nil || test.want != "" && !fault.Has(err, test.want) {
			t.Errorf("%s, %d: %v", test.verify, test.status, err)
		}
		if n := int(posts.Load()); n != test.asked {
			t.Errorf("%s, %d: %d requests", test.verify, test.status, n)
		}
	}
}

// TestNoSilentRepeat closes the connection under a second call: a transport that
// keeps connections would send it again by itself.
func TestNoSilentRepeat(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.careless = true
	st := newStage(t)
	if _, err := try(t, st, newJob(t, `{"url":"`+s.URL+`/orders","body":{"job":"a"}}`)); err != nil {
		t.Fatal(err)
	}
	s.spoil(nil, cut)
	j := newJob(t, `{"url":"`+s.URL+`/orders","body":{"job":"b"},"key_quotes":false}`, one)
	_, err := try(t, st, j)
	wantFault(t, err, fault.EffectUnknown)
	if s.asked() != 2 {
		t.Errorf("asked %d times", s.asked())
	}
}

// TestUndo takes back what was made, and nothing else.
func TestUndo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		verify string
		spoil  bool // the answer of the call is lost
		undo   bool
		want   fault.Code
		live   int
	}{
		"made":                    {`null`, false, true, "", 0},
		"no undo declared":        {`null`, false, false, "", 1},
		"open, nobody knows":      {`null`, true, true, fault.EffectUnknown, 1},
		"open, no undo declared":  {`{"idempotent":true}`, true, false, fault.EffectUnknown, 1},
		"open, can be asked":      {`{"url":"(shop)/orders/{id}"}`, true, true, "", 0},
		"open, can be sent again": {`{"idempotent":true}`, true, true, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, st := newShop(t), newStage(t)
			if test.spoil {
				s.spoil(nil, first(cut))
			}
			config := `{"url":"` + s.URL + `/orders","body":{"job":"a"},"verify":` + replace(test.verify, s.URL)
			if test.undo {
				config += `,"undo":{"method":"DELETE","url":"` + s.URL + `/orders/{id}"}`
			}
			j := newJob(t, config+"}")
			if err := takeBack(t, st, j); err != nil || s.asked() != 0 {
				t.Errorf("before it was made: %v", err)
			}
			if _, err := try(t, st, j); (err != nil) != test.spoil {
				t.Errorf("do: %v", err)
			}
			for range 2 {
				err := takeBack(t, st, j)
				if test.want == "" && err != nil || test.want != "" && !fault.Has(err, test.want) {
					t.Errorf("undo: %v", err)
				}
			}
			if got := len(s.live(t)); got != test.live {
				t.Errorf("%d orders are left", got)
			}
		})
	}
}

// TestUndoKey has a key of its own for what takes a call back, and the id of the
// call in the address.
func TestUndoKey(t *testing.T) {
	t.Parallel()
	var keys, paths []string
	srv := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		paths = append(paths, r.Method+" "+r.URL.Path)
	})
	j := newJob(t, `{"url":"`+srv+`/{id}","method":"PUT","undo":{"url":"`+srv+`/undo/{id}","body":{"a":1}}}`)
	task := j.Attempt()
	if _, err := newStage(t).Run(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	if err := takeBack(t, newStage(t), j); err != nil {
		t.Fatal(err)
	}
	call := events.EffectID(task.Tenant, task.Job, task.Step, "call")
	back := events.EffectID(task.Tenant, task.Job, task.Step, "undo")
	if len(keys) != 2 || keys[0] != `"`+call+`"` || keys[1] != `"`+back+`"` ||
		paths[0] != "PUT /"+call || paths[1] != "POST /undo/"+call {
		t.Errorf("%q %q", keys, paths)
	}
}
