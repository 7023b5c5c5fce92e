package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"slices"
	"testing"

	"filippo.io/age"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/seal"
)

// TestTampered changes files in all the ways that come to mind. What is handed out
// before the fault is a beginning of the content.
func TestTampered(t *testing.T) {
	t.Parallel()
	id := classic(t)
	plain := content(4*pkg + 100)
	file, h := sealed(t, plain, id.Recipient())
	other, oh := sealed(t, plain, id.Recipient())
	head := len(h.Bytes())
	start := func(n int) int { return head + n*seal.PackageLen }
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 1; return b }
	}
	tests := map[string]struct {
		change func([]byte) []byte
		want   fault.Code
	}{
		"nothing left":         {func(b []byte) []byte { return nil }, fault.CryptNotSealed},
		"magic":                {flip(3), fault.CryptNotSealed},
		"another file":         {func([]byte) []byte { return []byte("PK\x03\x04") }, fault.CryptNotSealed},
		"half of the magic":    {func(b []byte) []byte { return b[:5] }, fault.CryptTruncated},
		"other line ends":      {func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) }, fault.CryptNotSealed},
		"version":              {flip(11), fault.CryptNotSealed},
		"size of header 0":     {func(b []byte) []byte { copy(b[12:], "\x00\x00\x00\x00"); return b }, fault.CryptCorrupt},
		"size of header large": {flip(12), fault.CryptCorrupt},
		"size of header +1":    {func(b []byte) []byte { b[15]++; return b }, fault.CryptCorrupt},
		"age version":          {flip(16 + 20), fault.CryptCorrupt},
		"age stanza":           {flip(16 + 60), ""}, // depends on the byte
		"age payload":          {flip(head - 20), fault.CryptCorrupt},
		"age tag":              {flip(head - 1), fault.CryptCorrupt},
		"cut in the header":    {func(b []byte) []byte { return b[:head-1] }, fault.CryptTruncated},
		"only the header":      {func(b []byte) []byte { return b[:head] }, fault.CryptTruncated},
		"cut in a package":     {func(b []byte) []byte { return b[:start(2)+77] }, fault.CryptTruncated},
		"cut between packages": {func(b []byte) []byte { return b[:start(4)] }, fault.CryptTruncated},
		"a byte appended":      {func(b []byte) []byte { return append(b, 0) }, fault.CryptTruncated},
		"header of another": {func(b []byte) []byte {
			return slices.Concat(oh.Bytes(), b[head:])
		}, fault.CryptCorrupt},
		"package of another": {func(b []byte) []byte {
			copy(b[start(1):start(2)], other[len(oh.Bytes())+seal.PackageLen:])
			return b
		}, fault.CryptCorrupt},
		"package version":     {flip(start(1)), fault.CryptCorrupt},
		"package cipher":      {flip(start(1) + 1), fault.CryptCorrupt},
		"package size":        {flip(start(1) + 2), fault.CryptCorrupt},
		"package nonce":       {flip(start(1) + 9), fault.CryptCorrupt},
		"first nonce":         {flip(start(0) + 9), fault.CryptCorrupt},
		"final flag set":      {func(b []byte) []byte { b[start(1)+4] ^= 0x80; return b }, fault.CryptCorrupt},
		"final flag set at 0": {func(b []byte) []byte { b[start(0)+4] ^= 0x80; return b }, fault.CryptCorrupt},
		"final flag removed":  {func(b []byte) []byte { b[start(4)+4] ^= 0x80; return b }, fault.CryptCorrupt},
		"content":             {flip(start(3) + 5000), fault.CryptCorrupt},
		"first byte":          {flip(start(0) + 16), fault.CryptCorrupt},
		"tag":                 {flip(start(4) - 1), fault.CryptCorrupt},
		"last byte":           {flip(len(file) - 1), fault.CryptCorrupt},
		"packages swapped": {func(b []byte) []byte {
			one := bytes.Clone(b[start(1):start(2)])
			copy(b[start(1):], b[start(2):start(3)])
			copy(b[start(2):], one)
			return b
		}, fault.CryptCorrupt},
		"package repeated": {func(b []byte) []byte {
			copy(b[start(2):start(3)], b[start(1):])
			return b
		}, fault.CryptCorrupt},
		"package left out": {func(b []byte) []byte {
			return slices.Concat(b[:start(1)], b[start(2):], make([]byte, seal.PackageLen))
		}, fault.CryptCorrupt},
	}
	for name, tt := range tests {
		got, err := opened(tt.change(bytes.Clone(file)), 0, id)
		if err == nil || tt.want != "" && !fault.Has(err, tt.want) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
		if tt.want != "" && fault.ClassOf(err) != fault.DataQuality {
			t.Errorf("%s: class %s", name, fault.ClassOf(err))
		}
		if !bytes.HasPrefix(plain, got) {
			t.Errorf("%s: unverified bytes come out", name)
		}
	}
}

// TestMovedPackages moves whole packages and mends their nonces, so that each is
// valid by itself: the nonce of a package is not part of what its tag covers.
// Reading that begins among them must notice it.
func TestMovedPackages(t *testing.T) {
	t.Parallel()
	id := classic(t)
	plain := content(6 * pkg)
	file, h := sealed(t, plain, id.Recipient())
	head := len(h.Bytes())
	at := func(b []byte, n int) []byte { return b[head+n*seal.PackageLen:][:seal.PackageLen] }
	moved := bytes.Clone(file)
	for n := 2; n < 4; n++ { // 2 and 3 change places
		copy(at(moved, n), at(file, n^1))
		low := at(moved, n)[12:16]
		binary.LittleEndian.PutUint32(low, binary.LittleEndian.Uint32(low)^1)
	}
	if !validAlone(t, h.Payload(), at(moved, 2), 2) {
		t.Fatal("the attack is none: the package is not valid by itself")
	}
	for from := range int64(4) {
		got, err := opened(moved, from, id)
		if !fault.Has(err, fault.CryptCorrupt) {
			t.Errorf("from package %d: %d bytes, %v", from, len(got), err)
		}
		if !bytes.HasPrefix(plain[from*pkg:], got) {
			t.Errorf("from package %d: moved bytes come out", from)
		}
	}
}

// validAlone reports whether a package can be decrypted at a place, with the nonce
// that it says itself.
func validAlone(t *testing.T, p seal.Payload, b []byte, number uint32) bool {
	t.Helper()
	block, err := aes.NewCipher(p.Secret()[:32])
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := bytes.Clone(b[4:16])
	binary.LittleEndian.PutUint32(nonce[8:], binary.LittleEndian.Uint32(nonce[8:])^number)
	_, err = gcm.Open(nil, nonce, b[16:], b[:4])
	return err == nil
}

// TestAddedRecipient wraps the key of a file for somebody else, as any recipient
// can, under the same payload.
func TestAddedRecipient(t *testing.T) {
	t.Parallel()
	id, eve := classic(t), classic(t)
	file, h := sealed(t, content(100), id.Recipient())
	f, err := readForeign(file, id)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := age.Decrypt(bytes.NewReader(f.header[16:]), id)
	if err != nil {
		t.Fatal(err)
	}
	var wrapped bytes.Buffer
	w, err := age.Encrypt(&wrapped, eve.Recipient(), id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(plain); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	forged := binary.BigEndian.AppendUint32(bytes.Clone(file[:12]), uint32(wrapped.Len()))
	forged = slices.Concat(forged, wrapped.Bytes(), file[len(h.Bytes()):])
	if got, err := opened(forged, 0, id); !fault.Has(err, fault.CryptCorrupt) || len(got) > 0 {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

// FuzzOpen reads anything as a file.
func FuzzOpen(f *testing.F) {
	id := classic(f)
	file, h := sealed(f, content(pkg+9), id.Recipient())
	f.Add(file, int64(0))
	f.Add(file[:len(h.Bytes())], int64(1))
	f.Add(file[:30], int64(7))
	f.Add([]byte("\x89MRX\r\n\x1a\n\x00\x00\x00\x01\x00\x00\x00\x04age-"), int64(0))
	f.Fuzz(func(t *testing.T, data []byte, at int64) {
		if _, err := seal.Open(bytes.NewReader(data), id); err != nil {
			if c := fault.From(err).Code; c != fault.CryptNotSealed && c != fault.CryptTruncated &&
				c != fault.CryptCorrupt && c != fault.CryptNoIdentity {
				t.Fatalf("fault %s", c)
			}
		}
		// The same as a payload, and changed in one place.
		changed := bytes.Clone(file[len(h.Bytes()):])
		for i, b := range data[:min(len(data), len(changed))] {
			changed[i] ^= b
		}
		r, err := h.Payload().Decrypt(bytes.NewReader(changed), at)
		if err != nil {
			return
		}
		var got bytes.Buffer
		_, err = got.ReadFrom(r)
		if err == nil && !bytes.Equal(got.Bytes(), content(pkg+9)) {
			t.Fatal("changed content passes")
		}
		if err != nil && !fault.Has(err, fault.CryptCorrupt) {
			t.Fatalf("fault %v", err)
		}
	})
}
