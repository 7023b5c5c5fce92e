package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"io"
	"strconv"

	"github.com/minio/sio"

	"github.com/millrace/millrace/pkg/fault"
)

const (
	nonceSize = 12
	finalFlag = 0x80
	nonceAt   = 4 // in a package
	// maxPackages is how many packages can be numbered.
	maxPackages = MaxSize / PackageSize
)

// Payload encrypts and decrypts the content of one file. It is a secret: who has
// it can read that content. It prints as nothing of use.
type Payload struct {
	key   [keySize]byte
	nonce [nonceSize]byte
}

// derive returns the payload under a header with digest h.
func derive(key []byte, h [sha256.Size]byte) (Payload, error) {
	b, err := hkdf.Key(sha256.New, key, nil, derivation+string(h[:]), keySize+nonceSize)
	if err != nil {
		return Payload{}, fault.New(fault.InternalBug, "derive a key", err)
	}
	b[keySize] &^= finalFlag
	return PayloadOf(b)
}

// PayloadOf is the inverse of [Payload.Secret]. The fault is internal.bug for what
// cannot be one.
func PayloadOf(secret []byte) (Payload, error) {
	if len(secret) != keySize+nonceSize || secret[keySize]&finalFlag != 0 {
		return Payload{}, fault.New(fault.InternalBug, "a payload's secret is malformed", nil)
	}
	var p Payload
	copy(p.key[:], secret)
	copy(p.nonce[:], secret[keySize:])
	return p, nil
}

// Secret is the payload as 44 bytes that must not be seen by others, for being
// kept sealed and resumed.
func (p Payload) Secret() []byte { return append(p.key[:], p.nonce[:]...) }

// String shows nothing.
func (p Payload) String() string { return "(secret)" }

// GoString shows nothing.
func (p Payload) GoString() string { return p.String() }

// config is what both directions tell sio.
func (p Payload) config(at int64) sio.Config {
	return sio.Config{
		MinVersion: sio.Version20, MaxVersion: sio.Version20,
		CipherSuites: []byte{sio.AES_256_GCM},
		Key:          p.key[:], Nonce: &p.nonce, SequenceNumber: uint32(at),
	}
}

// Encrypter encrypts what is written to it. It is used by one goroutine.
type Encrypter struct {
	w    io.WriteCloser
	dst  io.Writer
	at   int64 // packages before the first
	size int64 // bytes written to dst
}

// Encrypt returns a writer of packages to w from number at on: what is written to
// it is the content from byte at * PackageSize on. The content must be that of the
// payload's header, and no other: two contents under one payload give both away.
// The fault is internal.bug for a number that no package has.
func (p Payload) Encrypt(w io.Writer, at int64) (*Encrypter, error) {
	if at < 0 || at >= maxPackages {
		return nil, fault.New(fault.InternalBug, "there is no package "+strconv.FormatInt(at, 10), nil)
	}
	e := &Encrypter{dst: w, at: at}
	s, err := sio.EncryptWriter(counter{e}, p.config(at))
	if err != nil {
		return nil, fault.New(fault.InternalBug, "encrypt", err)
	}
	e.w = s
	return e, nil
}

// Write encrypts b. Up to one package is held back. An error is that of the
// writer below.
func (e *Encrypter) Write(b []byte) (int, error) { return e.w.Write(b) }

// Close writes the last package, and none when nothing was written. It does not
// close the writer below, and may be called once.
func (e *Encrypter) Close() error { return e.w.Close() }

// Packages is how many whole packages have been written, counting those before
// the first: where encryption can go on.
func (e *Encrypter) Packages() int64 { return e.at + e.size/PackageLen }

// counter keeps from sio that what is below may have a Close.
type counter struct{ e *Encrypter }

// Write counts.
func (c counter) Write(b []byte) (int, error) {
	n, err := c.e.dst.Write(b)
	c.e.size += int64(n)
	return n, err
}

// Decrypt returns a reader of the content from byte at * PackageSize on, of r, which
// begins with package number at. The content must not be empty. What it hands out
// is verified. An error of r is returned as it is.
//
// Faults: crypt.corrupt, also for a payload that is not complete: compare sizes
// first, see [Header.SealedSize].
func (p Payload) Decrypt(r io.Reader, at int64) (io.Reader, error) {
	if at < 0 || at >= maxPackages {
		return nil, fault.New(fault.InternalBug, "there is no package "+strconv.FormatInt(at, 10), nil)
	}
	d := &decrypter{at: at}
	begin := make([]byte, nonceAt+nonceSize)
	if _, err := io.ReadFull(r, begin); ended(err) {
		return nil, d.verdict("it ends")
	} else if err != nil {
		return nil, err
	}
	// sio compares the nonces of all packages with that of the first it sees, which
	// nothing vouches for when that is not the first of the stream.
	nonce := [nonceSize]byte(begin[nonceAt:])
	nonce[0] &^= finalFlag
	if nonce != p.nonce {
		return nil, d.verdict("it is of another file or place")
	}
	s, err := sio.DecryptReader(io.MultiReader(bytes.NewReader(begin), r), p.config(at))
	if err != nil {
		return nil, fault.New(fault.InternalBug, "decrypt", err)
	}
	d.r = s
	return d, nil
}

// decrypter says what errors mean.
type decrypter struct {
	r    io.Reader
	at   int64
	done int64
	err  error // what every further call returns
}

// Read reads verified content.
func (d *decrypter) Read(b []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	n, err := d.r.Read(b)
	d.done += int64(n)
	if bad := (sio.Error{}); errors.As(err, &bad) {
		err = d.verdict("it cannot be verified")
	}
	d.err = err
	return n, err
}

// verdict is the fault of the package that comes next.
func (d *decrypter) verdict(why string) error {
	return corrupt("package "+strconv.FormatInt(d.at+d.done/PackageSize, 10)+": "+why, nil)
}
