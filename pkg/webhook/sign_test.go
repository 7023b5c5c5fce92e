package webhook_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/webhook"
)

const body = `{"test": 2432232314}`

// signed are the headers of a message of now.
func signed(keys ...webhook.Key) http.Header {
	h := http.Header{}
	for name, value := range webhook.Headers("msg_1", time.Now(), []byte(body), keys) {
		h.Set(name, value)
	}
	return h
}

// TestOfficialGo has the official library verify each of several signatures, of both
// schemes in one header.
func TestOfficialGo(t *testing.T) {
	t.Parallel()
	old, current := webhook.NewKey(webhook.SchemeV1), webhook.NewKey(webhook.SchemeV1)
	h := signed(webhook.NewKey(webhook.SchemeV1a), current, old)
	for _, k := range []webhook.Key{old, current} {
		official, err := standardwebhooks.NewWebhook(k.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		if err := official.Verify([]byte(body), h); err != nil {
			t.Error(err)
		}
		if err := official.Verify([]byte(body+" "), h); err == nil {
			t.Error("another body is verified")
		}
		ours := k.Sign("msg_2", time.Unix(1614265330, 0), []byte(body))
		theirs, err := official.Sign("msg_2", time.Unix(1614265330, 0), []byte(body))
		if err != nil || ours != theirs {
			t.Errorf("%s, the official library signs %s, %v", ours, theirs, err)
		}
	}
	stranger, err := standardwebhooks.NewWebhook(webhook.NewKey(webhook.SchemeV1).Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if stranger.Verify([]byte(body), h) == nil {
		t.Error("a stranger's secret verifies")
	}
}

// verifier runs the official library for Python, which comes in the same module as the
// one for Go, on a message of now.
const verifier = `
import sys, importlib.util
spec = importlib.util.spec_from_file_location("webhooks", sys.argv[1])
webhooks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(webhooks)
headers = dict(zip(("webhook-id", "webhook-timestamp", "webhook-signature"), sys.argv[3:6]))
print(webhooks.Webhook(sys.argv[2]).verify(sys.argv[6], headers)["test"])
`

// TestOfficialPython has the official library for Python verify, where there is a Python.
func TestOfficialPython(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Log("there is no python3 here")
		return
	}
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}",
		"github.com/standard-webhooks/standard-webhooks/libraries").Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(strings.TrimSpace(string(dir)), "python", "standardwebhooks", "webhooks.py")
	old, current := webhook.NewKey(webhook.SchemeV1), webhook.NewKey(webhook.SchemeV1)
	h := signed(current, webhook.NewKey(webhook.SchemeV1a), old)
	ask := func(k webhook.Key) (string, error) {
		out, err := exec.CommandContext(t.Context(), "python3", "-B", "-c", verifier, file, k.Reveal(),
			h.Get("webhook-id"), h.Get("webhook-timestamp"), h.Get("webhook-signature"), body).CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	for _, k := range []webhook.Key{old, current} {
		if got, err := ask(k); err != nil || got != "2432232314" {
			t.Errorf("%v: %s", err, got)
		}
	}
	if got, err := ask(webhook.NewKey(webhook.SchemeV1)); err == nil || !strings.Contains(got, "No matching signature") {
		t.Errorf("a stranger's secret: %v: %s", err, got)
	}
}

// TestAsymmetric holds signatures of scheme v1a against the test vector of the server
// that the specification comes from, since no official library verifies them yet.
func TestAsymmetric(t *testing.T) {
	t.Parallel()
	k, err := webhook.ParseKey("whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==")
	if err != nil {
		t.Fatal(err)
	}
	if got := k.Public(); got != "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=" {
		t.Error(got)
	}
	const want = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
	if got := k.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(body)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// As the specification tells a receiver to do it.
	fresh := webhook.NewKey(webhook.SchemeV1a)
	h := signed(fresh)
	public, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(fresh.Public(), "whpk_"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h.Get("webhook-signature"), "v1a,"))
	if err != nil {
		t.Fatal(err)
	}
	message := h.Get("webhook-id") + "." + h.Get("webhook-timestamp") + "." + body
	if !ed25519.Verify(public, []byte(message), sum) || ed25519.Verify(public, []byte(message+" "), sum) {
		t.Error("the signature is not that of the message")
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	for _, s := range []webhook.Scheme{webhook.SchemeV1, webhook.SchemeV1a} {
		k := webhook.NewKey(s)
		back, err := webhook.ParseKey(k.Reveal())
		if err != nil || back.Reveal() != k.Reveal() || back.Scheme() != s {
			t.Errorf("%s: %v", s, err)
		}
		if shown := fmt.Sprintf("%v %+v %#v %s", k, k, k, k); shown != "(key) (key) (key) (key)" {
			t.Errorf("a key shows as %s", shown)
		}
	}
	for _, text := range []string{
		"", "whsec_", "whsec_AAAA", "whsec_%", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
		"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
		"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlaaaaaaaaaaAJ6p9lMicMFs6Kvg==",
		"whsec_" + strings.Repeat("AAAA", 22),
	} {
		if _, err := webhook.ParseKey(text); !fault.Has(err, fault.WebhookInvalid) || text != "" && strings.Contains(err.Error(), text) && len(text) > 6 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestVault opens a key for its endpoint and for no other.
func TestVault(t *testing.T) {
	t.Parallel()
	v, k := webhook.NewVault([32]byte{1}), webhook.NewKey(webhook.SchemeV1)
	sealed, err := v.Seal("t", "e", k)
	if err != nil || bytes.Contains(sealed, []byte(k.Reveal())) {
		t.Fatal(err)
	}
	if back, err := v.Open("t", "e", sealed); err != nil || back.Reveal() != k.Reveal() {
		t.Error(err)
	}
	for name, open := range map[string]func() (webhook.Key, error){
		"tenant":   func() (webhook.Key, error) { return v.Open("u", "e", sealed) },
		"endpoint": func() (webhook.Key, error) { return v.Open("t", "f", sealed) },
		"secret":   func() (webhook.Key, error) { return webhook.NewVault([32]byte{2}).Open("t", "e", sealed) },
		"end":      func() (webhook.Key, error) { return v.Open("t", "e", sealed[:len(sealed)-1]) },
		"nothing":  func() (webhook.Key, error) { return v.Open("t", "e", nil) },
	} {
		if _, err := open(); !fault.Has(err, fault.WebhookSecretUnreadable) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if shown := fmt.Sprintf("%v %#v", v, v); shown != "(vault) (vault)" {
		t.Error(shown)
	}
}
