// Package decrypt is the stage that decrypts what package seal has sealed, such as
// the files of encrypt, with the age identities of the mill. A pipeline names no
// identity: every pipeline of the mill may use them all.
//
// What cannot be verified is not handed on, not even the part before the damage: an
// output is committed when the last package has been verified. It is not known who
// encrypted a file, so that what comes out deserves no more trust than any input.
//
// The place of an attempt that died is a package. The number of a package is part of what
// is verified, also of the first one after a resume.
//
//	killed            | the next attempt
//	------------------|-------------------------------------------
//	at any time       | decrypts again what came after the last save, to the same bytes
//	after its last    | gives the same result
//	save              |
package decrypt

import (
	"context"
	"fmt"
	"io"
	"mime"
	"strconv"

	"filippo.io/age"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/seal"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/outputs"
)

// Options tunes the stage.
type Options struct {
	// Identities are the age secret keys to try; see [seal.ReadIdentities]. Without
	// any, every file is refused with crypt.no_identity.
	Identities []age.Identity
}

// New returns the stage decrypt@1.
func New(o Options) stage.Stage { return &decrypter{spec: spec(), identities: o.Identities} }

type decrypter struct {
	spec       stage.Spec
	identities []age.Identity
}

func (d *decrypter) Spec() stage.Spec { return d.spec }

// stateVersion is that of place.
const stateVersion = 1

// place is where an attempt is: the state of its checkpoints.
type place struct {
	// Finished are the outputs of the first inputs.
	Finished outputs.List `json:"finished,omitempty"`
	// Packages is how many packages of the file after them are decrypted.
	Packages int64 `json:"packages,omitempty"`
}

// Run decrypts each file.
func (d *decrypter) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	files, err := t.Inputs()
	if err != nil {
		return stage.Result{}, err
	}
	if err := t.Config(&struct{}{}); err != nil { // takes none
		return stage.Result{}, err
	}
	w := work{d: d, t: t, meter: t.Meter(stage.Size(files)), total: stage.Size(files)}
	if w.run, err = t.Resume(ctx, stateVersion, &w.at); err != nil {
		return stage.Result{}, err
	}
	var res stage.Result
	for i, f := range files {
		made, err := w.file(ctx, i, f)
		if err != nil {
			return stage.Result{}, err
		}
		res.Files = append(res.Files, made)
	}
	res.Findings = map[string]string{
		"bytes_in":  strconv.FormatInt(w.total, 10),
		"bytes_out": strconv.FormatInt(stage.Size(res.Files), 10),
	}
	return res, nil
}

// work is one attempt.
type work struct {
	d     *decrypter
	t     *stage.Task
	run   *checkpoint.Run
	meter *stage.Meter
	at    place
	total int64 // bytes of all inputs
	done  int64 // bytes of the inputs that are finished
}

// file returns the content of f, which is input i.
func (w *work) file(ctx context.Context, i int, f events.File) (events.File, error) {
	in, err := w.t.Store.Open(ctx, f.Digest)
	if err != nil {
		return events.File{}, err
	}
	defer in.Close()
	h, err := seal.Open(in, w.d.identities...)
	if err == nil {
		err = complete(h, in.Size())
	}
	if err != nil {
		return events.File{}, of(i, err)
	}
	made, ok := w.at.Finished.File(i)
	if ok {
		w.meter.Add(f.Size)
	} else if made, err = w.decrypt(ctx, i, f, h, in); err != nil {
		return events.File{}, of(i, err)
	}
	made.Name, made.MediaType = artifact.CleanName(h.Meta().Name), mediaType(h.Meta().MediaType)
	w.done += f.Size
	if ok {
		return made, nil
	}
	if err := w.at.Finished.Add(made); err != nil {
		return events.File{}, err
	}
	w.at.Packages = 0
	return made, w.run.Offer(ctx, w.done, w.total)
}

// of says of which input a fault is that only this stage returns.
func of(i int, err error) error {
	f := fault.From(err)
	switch f.Code {
	case fault.CryptNotSealed, fault.CryptTruncated, fault.CryptCorrupt, fault.CryptNoIdentity:
		return fault.New(f.Code, fmt.Sprintf("file %d: %s", i, f.Detail), f.Err)
	}
	return err
}

// complete compares the size of a file with what its header says.
func complete(h *seal.Header, size int64) error {
	switch want := h.SealedSize(); {
	case size < want:
		return fault.New(fault.CryptTruncated, fmt.Sprintf("%d of %d bytes", size, want), nil)
	case size > want:
		return fault.New(fault.CryptCorrupt, fmt.Sprintf("%d bytes follow its end", size-want), nil)
	}
	return nil
}

// mediaType returns what a header says if that is a media type.
func mediaType(said string) string {
	if _, _, err := mime.ParseMediaType(said); err != nil || len(said) > stage.MaxFinding {
		return ""
	}
	return said
}

// decrypt stores the content of f, from where it was. in is at the start of the payload.
func (w *work) decrypt(
	ctx context.Context, i int, f events.File, h *seal.Header, in io.Reader,
) (events.File, error) {
	out, err := w.run.Output(ctx, strconv.Itoa(i), nil)
	if err != nil {
		return events.File{}, err
	}
	defer out.Abort()
	if out.Size() != w.at.Packages*seal.PackageSize {
		return events.File{}, fault.New(fault.InternalBug, "an output is not where its checkpoint says", nil)
	}
	header := int64(len(h.Bytes()))
	if w.at.Packages > 0 {
		rest, err := w.t.Store.OpenRange(ctx, f.Digest, header+w.at.Packages*seal.PackageLen, -1)
		if err != nil {
			return events.File{}, err
		}
		defer rest.Close()
		in = rest
	}
	w.meter.Add(header + w.at.Packages*seal.PackageLen)
	if left := h.Meta().Size - out.Size(); left > 0 {
		plain, err := h.Payload().Decrypt(w.meter.Reader(ctx, in), w.at.Packages)
		if err == nil {
			err = w.stream(ctx, out, plain, left, header)
		}
		if err != nil {
			return events.File{}, err
		}
	}
	return out.Commit()
}

// blockSize is how much is decrypted at once: whole packages.
const blockSize = 16 * seal.PackageSize

// stream copies size bytes of verified content to out.
func (w *work) stream(
	ctx context.Context, out io.Writer, plain io.Reader, size, header int64,
) error {
	block := make([]byte, min(size, blockSize))
	for ; size > 0; size -= int64(len(block)) {
		block = block[:min(size, blockSize)]
		if _, err := io.ReadFull(plain, block); err != nil {
			return early(err)
		}
		if size == int64(len(block)) {
			// The end is part of what is verified.
			if _, err := io.ReadFull(plain, make([]byte, 1)); err != io.EOF {
				return early(err)
			}
		}
		if _, err := out.Write(block); err != nil {
			return err
		}
		if len(block) < blockSize {
			continue
		}
		w.at.Packages += blockSize / seal.PackageSize
		if err := w.run.Offer(ctx, w.done+header+w.at.Packages*seal.PackageLen, w.total); err != nil {
			return err
		}
	}
	return nil
}

// early is the fault of content that has another size than its header says, or the
// error of its reader.
func early(err error) error {
	if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF {
		return fault.New(fault.CryptCorrupt, "the content has another size than the header says", nil)
	}
	return err
}
