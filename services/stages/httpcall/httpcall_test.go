package httpcall_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/httpcall"
)

var (
	one = stagetest.Content{Name: "one.txt", Data: []byte("one")}
	two = stagetest.Content{Name: "two.txt", Data: []byte("two!")}
)

func TestKit(t *testing.T) {
	s := newShop(t)
	undo := `"verify":{"idempotent":true},"undo":{"method":"DELETE","url":"` + s.URL + `/orders/{id}"}}`
	// named puts the name of the job into the body.
	named := func(_ *testing.T, task *stage.Task) {
		task.RawConfig = json.RawMessage(strings.ReplaceAll(string(task.RawConfig), "(job)", task.Job))
	}
	config := `{"url":"` + s.URL + `/orders","body":{"job":"(job)"},`
	stagetest.Test(t, stagetest.Kit{
		Stage:   newStage(t),
		Effects: s.live,
		Cases: []stagetest.Case{
			{Name: "job", Config: config + undo, Prepare: named, Check: func(t *testing.T, _ *stage.Task, r stage.Result) {
				want := map[string]string{"calls": "1", "status": "201", "answer": `{"taken":true}`}
				if diff := cmp.Diff(want, r.Findings); diff != "" {
					t.Error(diff)
				}
			}},
			{Name: "file", Config: config + `"each":"file",` + undo, Prepare: named, Files: []stagetest.Content{one, two}},
			{Name: "no file", Config: config + `"each":"file",` + undo, Fault: fault.StageNoInput},
		},
		BadConfigs: badConfigs,
	})
}

var badConfigs = []string{
	`{}`,
	`{"url":""}`,
	`{"url":"ftp://a.example"}`,
	`{"url":"http://"}`,
	`{"url":"http://user:secret@a.example"}`,
	`{"url":"http://{id}.example"}`,
	`{"url":"http://a.example","method":"GET"}`,
	`{"url":"http://a.example","each":"line"}`,
	`{"url":"http://a.example","expect":[99]}`,
	`{"url":"http://a.example","time_limit":"0s"}`,
	`{"url":"http://a.example","time_limit":"2h"}`,
	`{"url":"http://a.example","max_answer":"2MiB"}`,
	`{"url":"http://a.example","headers":{"Host":"b.example"}}`,
	`{"url":"http://a.example","headers":{"connection":"close"}}`,
	`{"url":"http://a.example","headers":{"transfer-encoding":"chunked"}}`,
	`{"url":"http://a.example","headers":{"Content-Length":"1"}}`,
	`{"url":"http://a.example","headers":{"idempotency-key":"mine"}}`,
	`{"url":"http://a.example","headers":{"a b":"c"}}`,
	`{"url":"http://a.example","headers":{"a":"b\r\nc: d"}}`,
	`{"url":"http://a.example","headers":{"a":"1","A":"2"}}`,
	`{"url":"http://a.example","key_header":"Host"}`,
	`{"url":"http://a.example","key_header":""}`,
	`{"url":"http://a.example","each":"file","body":[1]}`,
	`{"url":"http://a.example","each":"file","body":null}`,
	`{"url":"http://a.example","each":"file","body":{"file":1}}`,
	`{"url":"http://a.example","verify":{}}`,
	`{"url":"http://a.example","verify":{"idempotent":true,"url":"http://a.example"}}`,
	`{"url":"http://a.example","verify":{"url":"a.example"}}`,
	`{"url":"http://a.example","verify":{"url":"http://a.example","done_status":[404]}}`,
	`{"url":"http://a.example","verify":{"idempotent":true,"odd":1}}`,
	`{"url":"http://a.example","verify":{"idempotent":true,"idempotent":true}}`,
	`{"url":"http://a.example","undo":{}}`,
	`{"url":"http://a.example","undo":{"url":"http://a.example","method":"GET"}}`,
	`{"url":"http://a.example","each":"file","undo":{"url":"http://a.example","body":1}}`,
}

// TestRequest looks at what the other side gets.
func TestRequest(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	j := newJob(t, `{"url":"`+s.URL+`/orders","each":"file","body":{"b":1,"a":[true]},"headers":{"X-Token":"s3cret"}}`, one, two)
	task := j.Attempt()
	if _, err := newStage(t).Run(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	if len(s.posts) != 2 {
		t.Fatalf("%d requests", len(s.posts))
	}
	for n, r := range s.posts {
		id := events.EffectID(task.Tenant, task.Job, task.Step, "call."+string(rune('0'+n)))
		want := http.Header{
			"Idempotency-Key": {`"` + id + `"`}, "Content-Type": {"application/json"}, "X-Token": {"s3cret"},
			"User-Agent": {"millrace"}, "Accept-Encoding": {"identity"}, "Connection": {"close"},
			"Content-Length": r.Header["Content-Length"],
		}
		if diff := cmp.Diff(want, r.Header); diff != "" {
			t.Error(diff)
		}
		var body struct {
			A    []bool
			B    int
			File events.File
		}
		if err := json.Unmarshal([]byte(s.bodies[n]), &body); err != nil || body.B != 1 || len(body.A) != 1 ||
			!cmp.Equal(body.File, task.Files[n]) {
			t.Errorf("body %s, %v", s.bodies[n], err)
		}
	}
}

// TestKeyAsOthersWantIt sends the key bare, and under another name.
func TestKeyAsOthersWantIt(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	task := newJob(t, `{"url":"`+s.URL+`/orders","key_header":"x-request-key","key_quotes":false}`).Attempt()
	if _, err := newStage(t).Run(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	r := s.posts[0]
	if got := r.Header.Get("X-Request-Key"); got != events.EffectID(task.Tenant, task.Job, task.Step, "call") {
		t.Errorf("the key is %s", got)
	}
	if r.Header.Get("Idempotency-Key") != "" || r.Header.Get("Content-Type") != "" || s.bodies[0] != "" {
		t.Errorf("also sent: %v %q", r.Header, s.bodies[0])
	}
}

// TestGuard calls this machine without being allowed to.
func TestGuard(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	job := newJob(t, `{"url":"`+s.URL+`/orders"}`)
	for range 2 {
		_, err := try(t, httpcall.New(httpcall.Options{}), job)
		wantFault(t, err, fault.NetPrivateAddress)
	}
	if s.asked() != 0 {
		t.Error("it was called")
	}
}

// TestNoLedger refuses to call where no effect may be recorded.
func TestNoLedger(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	task := *newJob(t, `{"url":"`+s.URL+`/orders"}`).Attempt()
	task.Checkpoints = nil
	st := newStage(t)
	_, err := st.Run(t.Context(), &task)
	wantFault(t, err, fault.EffectRefused)
	wantFault(t, st.(stage.Compensator).Compensate(t.Context(), &task, stage.Result{}), fault.EffectRefused)
	if s.asked() != 0 {
		t.Error("it was called")
	}
}

// TestManyFiles has more calls than findings.
func TestManyFiles(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var files []stagetest.Content
	for range 70 {
		files = append(files, one)
	}
	r, err := try(t, newStage(t), newJob(t, `{"url":"`+s.URL+`/orders","each":"file"}`, files...))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(); err != nil || r.Findings["calls"] != "70" || s.asked() != 70 || len(s.orders) != 70 {
		t.Errorf("%v, %d calls, %d orders, %v", r.Findings["calls"], s.asked(), len(s.orders), err)
	}
}
