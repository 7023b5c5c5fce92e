package decompress

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
)

// cut returns the parts of data that end where a frame does.
func cut(t testing.TB, r io.Reader) [][]byte {
	t.Helper()
	w := &walker{r: bufio.NewReaderSize(r, 16), full: func() bool { return true }}
	var parts [][]byte
	for w.more() {
		w.begin()
		part, err := io.ReadAll(w)
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(part)) != w.read || w.read == 0 {
			t.Fatalf("a part of %d bytes counts as %d", len(part), w.read)
		}
		parts = append(parts, part)
	}
	return parts
}

// unpackParts unpacks parts as the stage does, one after the other.
func unpackParts(t testing.TB, parts [][]byte) ([]byte, error) {
	t.Helper()
	dec, err := (&decompressor{}).decoder()
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	var out []byte
	for _, part := range parts {
		if err := dec.Reset(bytes.NewReader(part)); err != nil {
			return out, err
		}
		// A limit, because a few bytes may unpack to very many.
		got, err := io.ReadAll(io.LimitReader(dec, 8<<20))
		out = append(out, got...)
		if err != nil || len(got) == 8<<20 {
			return out, err
		}
	}
	return out, nil
}

// sample is frames of all kinds, each with what it unpacks to.
func sample(t testing.TB) (packed, plain [][]byte) {
	t.Helper()
	add := func(data []byte, asStream bool, o ...zstd.EOption) {
		var b bytes.Buffer
		e, err := zstd.NewWriter(&b, append(o, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))...)
		if err != nil {
			t.Fatal(err)
		}
		if asStream {
			_, err = e.Write(data)
		} else {
			b.Write(e.EncodeAll(data, nil))
			e.Reset(io.Discard)
		}
		if err != nil || e.Close() != nil {
			t.Fatal(err)
		}
		packed, plain = append(packed, b.Bytes()), append(plain, data)
	}
	text := bytes.Repeat([]byte("Some text that repeats itself. "), 20_000)
	noise := make([]byte, 300_000)
	for i := range noise {
		noise[i] = byte(i * i >> 7 * i)
	}
	for _, data := range [][]byte{nil, text[:1], text[:255], text[:256], text[:70_000], text, noise, make([]byte, 1<<20)} {
		add(data, false)
		add(data, true, zstd.WithEncoderCRC(false))
		add(data, false, zstd.WithSingleSegment(true), zstd.WithEncoderCRC(false))
	}
	for _, n := range []byte{0, 1, 200} {
		packed = append(packed, append([]byte{0x5F, 0x2A, 0x4D, 0x18, n, 0, 0, 0}, make([]byte, n)...))
		plain = append(plain, nil)
	}
	return packed, plain
}

// TestWalkerFindsFrames checks that every frame ends where the next one begins,
// however its bytes arrive.
func TestWalkerFindsFrames(t *testing.T) {
	t.Parallel()
	packed, plain := sample(t)
	var want [][]byte
	for i, p := range packed {
		if len(p) > 0 {
			want = append(want, p)
		}
		got, err := unpackParts(t, [][]byte{p})
		if err != nil || !bytes.Equal(got, plain[i]) {
			t.Fatalf("sample %d is wrong: %v", i, err)
		}
	}
	all := slices.Concat(packed...)
	for name, r := range map[string]io.Reader{
		"at once": bytes.NewReader(all), "by half": iotest.HalfReader(bytes.NewReader(all)),
		"by byte": iotest.OneByteReader(bytes.NewReader(all)),
	} {
		got := cut(t, r)
		if len(got) != len(want) {
			t.Fatalf("%s: %d parts and not %d", name, len(got), len(want))
		}
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("%s: part %d has %d bytes and not %d", name, i, len(got[i]), len(want[i]))
			}
		}
	}
}

// FuzzWalker checks that the parts are the input, whatever that is, and that they
// unpack to the same one by one and all together.
func FuzzWalker(f *testing.F) {
	packed, _ := sample(f)
	for _, p := range packed[:15] {
		f.Add(p)
		f.Add(slices.Concat(p, p[:len(p)/2]))
	}
	f.Add([]byte("garbage"))
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		parts := cut(t, bytes.NewReader(data))
		if !bytes.Equal(slices.Concat(parts...), data) {
			t.Fatal("the parts are not the input")
		}
		whole, err := unpackParts(t, [][]byte{data})
		if len(whole) >= 8<<20 {
			return
		}
		apart, err2 := unpackParts(t, parts)
		if (err == nil) != (err2 == nil) || !bytes.Equal(whole, apart) {
			t.Fatalf("together %d bytes, %v; apart %d bytes, %v", len(whole), err, len(apart), err2)
		}
	})
}
