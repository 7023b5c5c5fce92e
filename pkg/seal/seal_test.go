package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/seal"
)

const pkg = seal.PackageSize

// classic and hybrid return new identities.
func classic(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func hybrid(t testing.TB) *age.HybridIdentity {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// content returns n bytes in which no package is like another.
func content(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>16*7 ^ i>>8 ^ i)
	}
	return b
}

// sealed returns the encrypted file of plain, and its header.
func sealed(t testing.TB, plain []byte, to ...age.Recipient) ([]byte, *seal.Header) {
	t.Helper()
	h, err := seal.New(seal.Meta{Name: "a.txt", MediaType: "text/plain", Size: int64(len(plain))}, to...)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	file.Write(h.Bytes())
	e, err := h.Payload().Encrypt(&file, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes(), h
}

// opened returns the content of a file, as the stage does it, from package at on.
func opened(file []byte, at int64, ids ...age.Identity) ([]byte, error) {
	r := bytes.NewReader(file)
	h, err := seal.Open(r, ids...)
	if err != nil {
		return nil, err
	}
	if int64(len(file)) != h.SealedSize() {
		return nil, fault.New(fault.CryptTruncated, "", nil)
	}
	if h.Meta().Size == 0 {
		return []byte{}, nil
	}
	if _, err := r.Seek(at*seal.PackageLen, io.SeekCurrent); err != nil {
		return nil, err
	}
	plain, err := h.Payload().Decrypt(r, at)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(plain)
}

var sizes = []int{0, 1, 100, pkg - 1, pkg, pkg + 1, 2*pkg - 1, 2 * pkg, 2*pkg + 1, 16 * pkg, 16*pkg + 1}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	id := classic(t)
	for _, n := range sizes {
		plain := content(n)
		file, h := sealed(t, plain, id.Recipient())
		if int64(len(file)) != h.SealedSize() {
			t.Errorf("%d: %d bytes, SealedSize says %d", n, len(file), h.SealedSize())
		}
		back, err := seal.Open(iotest.OneByteReader(bytes.NewReader(file)), id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(seal.Meta{Name: "a.txt", MediaType: "text/plain", Size: int64(n)}, back.Meta()); diff != "" {
			t.Error(diff)
		}
		for at := int64(0); at == 0 || at*pkg < int64(n); at++ {
			got, err := opened(file, at, id)
			if err != nil || !bytes.Equal(got, plain[at*pkg:]) {
				t.Fatalf("%d bytes from package %d: %d bytes, %v", n, at, len(got), err)
			}
		}
	}
}

// TestResumedEncryption stops after every number of packages and goes on with the
// secret, in steps that do not fit the packages.
func TestResumedEncryption(t *testing.T) {
	t.Parallel()
	plain := content(5*pkg + 17)
	file, h := sealed(t, plain, classic(t).Recipient())
	for cut := range 6 {
		out := bytes.NewBuffer(bytes.Clone(h.Bytes()))
		first, err := h.Payload().Encrypt(out, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := first.Write(plain[:cut*pkg+min(cut, 1)]); err != nil {
			t.Fatal(err)
		}
		if first.Packages() != int64(cut) {
			t.Fatalf("%d packages after %d", first.Packages(), cut)
		}
		again, err := seal.PayloadOf(h.Payload().Secret())
		if err != nil {
			t.Fatal(err)
		}
		second, err := again.Encrypt(out, int64(cut))
		if err != nil {
			t.Fatal(err)
		}
		rest := iotest.HalfReader(bytes.NewReader(plain[cut*pkg:]))
		if _, err := io.CopyBuffer(struct{ io.Writer }{second}, rest, make([]byte, 30_011)); err != nil {
			t.Fatal(err)
		}
		if err := second.Close(); err != nil || !bytes.Equal(out.Bytes(), file) {
			t.Errorf("cut after %d packages: other bytes, %v", cut, err)
		}
	}
}

func TestRecipients(t *testing.T) {
	t.Parallel()
	a, b, stranger := classic(t), classic(t), classic(t)
	p, q := hybrid(t), hybrid(t)
	two, _ := sealed(t, content(10), a.Recipient(), b.Recipient())
	post, _ := sealed(t, content(10), p.Recipient(), q.Recipient())
	for name, tt := range map[string]struct {
		file []byte
		ids  []age.Identity
		want fault.Code
	}{
		"first":               {two, []age.Identity{a}, ""},
		"second":              {two, []age.Identity{b}, ""},
		"after a stranger":    {two, []age.Identity{stranger, b}, ""},
		"stranger":            {two, []age.Identity{stranger, p}, fault.CryptNoIdentity},
		"no identity":         {two, nil, fault.CryptNoIdentity},
		"post-quantum first":  {post, []age.Identity{p}, ""},
		"post-quantum second": {post, []age.Identity{a, q}, ""},
		"classic for hybrid":  {post, []age.Identity{a}, fault.CryptNoIdentity},
	} {
		got, err := opened(tt.file, 0, tt.ids...)
		if tt.want == "" && (err != nil || !bytes.Equal(got, content(10))) {
			t.Errorf("%s: %v", name, err)
		}
		if tt.want != "" && !fault.Has(err, tt.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if fault.CryptNoIdentity.Class() != fault.Auth {
		t.Error("a missing identity is not of class auth")
	}
}

func TestManyRecipients(t *testing.T) {
	t.Parallel()
	id := hybrid(t)
	var keys []string
	for range seal.MaxRecipients - 1 {
		keys = append(keys, hybrid(t).Recipient().String())
	}
	to, err := seal.ParseRecipients(append(keys, id.Recipient().String()))
	if err != nil {
		t.Fatal(err)
	}
	file, _ := sealed(t, content(3), to...)
	if got, err := opened(file, 0, id); err != nil || !bytes.Equal(got, content(3)) {
		t.Errorf("%d bytes of file: %v", len(file), err)
	}
}

func TestParseRecipientsRefuses(t *testing.T) {
	t.Parallel()
	a, p := classic(t), hybrid(t)
	key := a.Recipient().String()
	for name, keys := range map[string][]string{
		"none":         nil,
		"empty":        {""},
		"a secret key": {key, a.String()},
		"a typo":       {key[:20] + string(key[21]) + string(key[20]) + key[22:] + "q"},
		"upper case":   {strings.ToUpper(key)},
		"twice":        {key, key},
		"mixed":        {key, p.Recipient().String()},
		"too many":     make([]string, seal.MaxRecipients+1),
		"ssh":          {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN"},
		"of plugins":   {"age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt"},
	} {
		_, err := seal.ParseRecipients(keys)
		if !fault.Has(err, fault.CryptBadRecipient) {
			t.Errorf("%s: got %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), a.String()) {
			t.Errorf("%s: the error shows a secret key", name)
		}
	}
	if _, err := seal.New(seal.Meta{}); !fault.Has(err, fault.CryptBadRecipient) {
		t.Errorf("no recipients: %v", err)
	}
	if _, err := seal.New(seal.Meta{}, a.Recipient(), p.Recipient()); !fault.Has(err, fault.CryptBadRecipient) {
		t.Errorf("mixed recipients: %v", err)
	}
}

func TestParseIdentities(t *testing.T) {
	t.Parallel()
	a, p := classic(t), hybrid(t)
	file := fmt.Sprintf("# created: today\n%s\n\n%s\n", a, p)
	ids, err := seal.ParseIdentities(strings.NewReader(file))
	if err != nil || len(ids) != 2 {
		t.Fatalf("%d identities, %v", len(ids), err)
	}
	for _, bad := range []string{"", "# nothing\n", a.String() + "x\n", a.Recipient().String()} {
		_, err := seal.ParseIdentities(strings.NewReader(bad))
		if !fault.Has(err, fault.CryptBadKeyFile) || strings.Contains(err.Error(), a.String()) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := seal.ReadIdentities(t.TempDir() + "/none"); !fault.Has(err, fault.CryptBadKeyFile) {
		t.Errorf("no file: %v", err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	to := classic(t).Recipient()
	for name, m := range map[string]seal.Meta{
		"size": {Size: seal.MaxSize + 1}, "negative": {Size: -1}, "name": {Name: strings.Repeat("n", 20<<10)},
	} {
		if _, err := seal.New(m, to); !fault.Has(err, fault.CryptTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h, err := seal.New(seal.Meta{Size: seal.MaxSize}, to)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{-1, seal.MaxSize / pkg} {
		if _, err := h.Payload().Encrypt(io.Discard, at); !fault.Has(err, fault.InternalBug) {
			t.Errorf("encrypt from package %d: %v", at, err)
		}
		if _, err := h.Payload().Decrypt(strings.NewReader(""), at); !fault.Has(err, fault.InternalBug) {
			t.Errorf("decrypt from package %d: %v", at, err)
		}
	}
	if _, err := h.Payload().Encrypt(io.Discard, seal.MaxSize/pkg-1); err != nil {
		t.Errorf("encrypt the last package: %v", err)
	}
}

// TestSecretsDoNotShow prints what holds keys.
func TestSecretsDoNotShow(t *testing.T) {
	t.Parallel()
	h, err := seal.New(seal.Meta{}, classic(t).Recipient())
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, h.Payload()); got != "(secret)" {
			t.Errorf("%s shows %s", verb, got)
		}
	}
	if _, err := seal.PayloadOf(h.Payload().Secret()[1:]); !fault.Has(err, fault.InternalBug) {
		t.Errorf("short secret: %v", err)
	}
}

// TestReaderErrors has errors of the source returned as they are.
func TestReaderErrors(t *testing.T) {
	t.Parallel()
	id, mine := classic(t), errors.New("my own")
	file, h := sealed(t, content(2*pkg), id.Recipient())
	for _, n := range []int{0, 5, 40} {
		r := io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(mine))
		if _, err := seal.Open(r, id); !errors.Is(err, mine) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	body := file[len(h.Bytes()):]
	for _, n := range []int{0, 5, 70_000} {
		r, err := h.Payload().Decrypt(io.MultiReader(bytes.NewReader(body[:n]), iotest.ErrReader(mine)), 0)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if !errors.Is(err, mine) {
			t.Errorf("after %d bytes of the payload: %v", n, err)
		}
	}
}
