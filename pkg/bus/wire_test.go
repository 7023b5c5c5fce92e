package bus

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

func TestDecodeAck(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		seq  uint64
		dup  bool
		code fault.Code
	}{
		`{"stream":"S", "seq":17}`:                   {17, false, ""},
		`{"stream":"S","seq":17}`:                    {17, false, ""},
		`{"stream":"S", "seq":17,"duplicate": true}`: {17, true, ""},
		`{"stream":"S","domain":"hub","seq":5}`:      {5, false, ""},
		`{"stream":"a\"b", "seq":3}`:                 {3, false, ""},
		`{"seq":9,"stream":"S"}`:                     {9, false, ""},
		`{"stream":"S", "seq":0}`:                    {0, false, fault.BusBadMessage},
		`{"stream":"S", "seq":18446744073709551615}`: {18446744073709551615, false, ""},
		`{"stream":"S", "seq":-1}`:                   {0, false, fault.BusBadMessage},
		`{"stream":"S", "seq":}`:                     {0, false, fault.BusBadMessage},
		`{"stream":"S`:                               {0, false, fault.BusBadMessage},
		``:                                           {0, false, fault.BusBadMessage},
		`hello`:                                      {0, false, fault.BusBadMessage},
		`{"error":{"code":400,"err_code":10071},"stream":"S"}`:   {0, false, fault.BusFenced},
		`{"error":{"code":400,"err_code":10164},"stream":"S"}`:   {0, false, fault.BusFenced},
		`{"error":{"code":503,"err_code":10023},"stream":"S"}`:   {0, false, fault.BusStoreFull},
		`{"error":{"code":503,"err_code":10077},"stream":"S"}`:   {0, false, fault.BusStoreFull},
		`{"error":{"code":400,"err_code":10054},"stream":"S"}`:   {0, false, fault.BusTooLarge},
		`{"error":{"code":400,"err_code":65000},"stream":"S"}`:   {0, false, fault.BusBadMessage},
		`{"error":{"code":500,"err_code":65000},"stream":"S"}`:   {0, false, fault.BusUnreachable},
		`{"stream":"S", "seq":4,"error":{"code":500}}`:           {4, false, fault.BusUnreachable},
		`{"stream":"S", "seq":99999999999999999999999999999999}`: {0, false, fault.BusBadMessage},
	}
	for data, want := range cases {
		ack, err := decodeAck(&nats.Msg{Data: []byte(data)})
		if want.code != "" {
			if err := busFault("x", err); !fault.Has(err, want.code) {
				t.Errorf("%s: %v, want %s", data, err, want.code)
			}
			continue
		}
		if err != nil || ack.Seq != want.seq || ack.Duplicate != want.dup {
			t.Errorf("%s: %+v, %v", data, ack, err)
		}
	}
}

// What the short way reads, the decoder reads the same.
func FuzzPlainAck(f *testing.F) {
	f.Add([]byte(`{"stream":"S", "seq":17}`))
	f.Add([]byte(`{"stream":"S","seq":1}`))
	f.Add([]byte(`{"stream":"\u0041", "seq":007}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		seq, ok := plainAck(data)
		if !ok {
			return
		}
		var a pubAck
		err := json.Unmarshal(data, &a)
		// A broker writes neither; JSON has no leading zeros and no raw control characters.
		if err == nil && (a.Seq != seq || a.Error != nil || a.Duplicate) {
			t.Errorf("%q: %d, and the decoder says %+v", data, seq, a)
		}
	})
}

// Whatever the reply subject and the headers say, there is a message to show.
func FuzzDecode(f *testing.F) {
	f.Add("$JS.ACK.S.C.1.2.3.1700000000000000000.5", "X-Tag", "a", "b")
	f.Add("$JS.ACK.dom.hash.S.C.1.2.3.1700000000000000000.5.x", "", "", "")
	f.Add("$JS.ACK.S.C.99999999999999999999.2.3.-1.5", "Nats-Msg-Id", "\xff", "")
	f.Add("$JS.ACK.", "Status", "404", "")
	f.Fuzz(func(t *testing.T, reply, key, one, two string) {
		raw := &nats.Msg{
			Subject: "s", Reply: reply, Data: []byte("x"), Sub: &nats.Subscription{},
			Header: nats.Header{key: {one}},
		}
		if two != "" {
			raw.Header[key] = append(raw.Header[key], two)
		}
		m, err := decode(raw)
		if m == nil || m.Header == nil || m.Delivered < 0 {
			t.Fatalf("%+v, %v", m, err)
		}
		if two != "" && err == nil {
			t.Errorf("a header with two values was taken: %+v", m)
		}
		if err == nil && (m.Stream == "" && m.Sequence != 0 || m.ID == "") {
			t.Errorf("%+v", m)
		}
		letter := deadLetter(&delivery{m: m, raw: raw}, "c", codeUndecodable, err)
		if _, err := json.Marshal(letter); err != nil {
			t.Errorf("the dead letter cannot be written: %v", err)
		}
	})
}

func TestCheckVersion(t *testing.T) {
	t.Parallel()
	for version, old := range map[string]bool{
		"2.12.0": false, "2.15.2": false, "3.0.0": false, "v2.12.1-RC.1": false, "2.12": false,
		"": false, "strange": false, "2.x": false, "10.1.0": false,
		"2.11.9": true, "2.9.10": true, "1.99.0": true, "v2.10.1": true,
	} {
		if err := checkVersion(version); (err != nil) != old {
			t.Errorf("version %q: %v", version, err)
		}
	}
}

func TestAddressHidesSecrets(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"nats://joe:secret@h:1":                 "nats://h:1",
		"joe:secret@h:1, tls://token@i:2?key=1": "nats://h:1,tls://i:2",
		"h":                                     "nats://h",
		"nats://joe:secret@h:%zz":               "an address that cannot be parsed",
	} {
		c := &Conn{opts: Options{URL: url}}
		if got := c.address(); got != want {
			t.Errorf("%s is shown as %s, want %s", url, got, want)
		}
	}
}

// The pause is a function of how often the message failed, and asking for it
// does not change it.
func TestRetryDelay(t *testing.T) {
	t.Parallel()
	for n, full := range map[int]time.Duration{
		-1: retryMin, 0: retryMin, 1: retryMin, 2: 2 * retryMin, 3: 4 * retryMin, 5: 16 * retryMin,
		8: 128 * retryMin, 9: 256 * retryMin, 10: retryMax, 64: retryMax, 1 << 30: retryMax,
	} {
		for range 20 {
			if d := retryDelay(n); d < full/2 || d > full {
				t.Errorf("after failure %d: %v, want %v to %v", n, d, full/2, full)
			}
		}
	}
	if d := nackDelay(1); d != 0 {
		t.Errorf("after the first refusal: %v, want none", d)
	}
	if d := nackDelay(2); d < retryMin/2 || d > retryMin {
		t.Errorf("after the second refusal: %v", d)
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"stage-hash": "stage-hash", "Mein Consumer": "mein-consumer", "a.b*>": "a-b--", "": "unknown",
		"ünï": "-n-", strings.Repeat("x", 100): strings.Repeat("x", 64),
	} {
		if got := token(name); got != want || !events.ValidToken(got) {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

// A request whose end is never announced does not keep its slots for ever.
func TestLostRequestsAreForgotten(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	var p pulls
	for i := range 100 {
		p.note(2, now.Add(pullExpiry+time.Duration(i)*10*time.Millisecond))
	}
	if p.asked != 200 || len(p.asks) > 5 {
		t.Fatalf("asked for %d with %d notes", p.asked, len(p.asks))
	}
	p.gave(50)
	p.forget(now.Add(pullExpiry))
	if p.asked != 150 {
		t.Errorf("%d may still come, want 150", p.asked)
	}
	p.forget(now.Add(pullExpiry + pullGrace + 2*time.Second))
	if p.asked != 0 || len(p.asks) != 0 {
		t.Errorf("%d may still come after all have expired", p.asked)
	}
	p.note(3, now)
	p.gave(5)
	if p.asked != 0 || len(p.asks) != 0 {
		t.Errorf("%d may still come after more than asked for has come", p.asked)
	}
}

func TestDerivedStreamsOfACluster(t *testing.T) {
	t.Parallel()
	for _, cfg := range (Streams{Replicas: 3}).withDefaults().configs() {
		if cfg.PersistMode != jetstream.DefaultPersistMode || cfg.Replicas != 3 {
			t.Errorf("%s: %v with %d replicas", cfg.Name, cfg.PersistMode, cfg.Replicas)
		}
	}
}

func TestStreamOfEverySubject(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		events.SubmitSubject("t", "p"):            events.StreamIntake,
		events.WorkSubject("s", "t", "j", "x"):    events.StreamQueue,
		events.UndoSubject("s", "t", "j", "x"):    events.StreamQueue,
		events.TimerSubject("t", "j", "x"):        events.StreamQueue,
		events.DueSubject("t", "j"):               events.StreamQueue,
		events.OutcomeSubject("s", "t", "j", "x"): events.StreamOutcomes,
		events.ControlSubject("t", "j"):           events.StreamControl,
		events.EventSubject("t", "p", "j", "k"):   events.StreamEvents,
		events.CheckpointSubject("t", "j", "x"):   events.StreamCheckpoints,
		events.ProgressSubject("t", "j", "x"):     events.StreamProgress,
		events.DeadSubject("c", "t"):              events.StreamDead,
	}
	got := map[string]string{}
	for subject := range want {
		var err error
		if got[subject], err = (&Conn{}).streamOf(t.Context(), subject); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("streams (-want +got):\n%s", diff)
	}
}
