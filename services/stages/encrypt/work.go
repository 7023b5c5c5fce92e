package encrypt

import (
	"context"
	"errors"
	"io"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/seal"
)

// blockSize is how much is read at once: whole packages. Encryption holds back one,
// so that the first block has one more: outputs then grow by 1 MiB and a little, and
// offers come where a chunk of the store has just ended, which makes saving cheap.
const blockSize = 16 * seal.PackageSize

// encrypt stores the encrypted content of f, from where it was.
func (w *work) encrypt(ctx context.Context, i int, f events.File) (events.File, error) {
	out, payload, err := w.begin(ctx, i, f)
	if err != nil {
		return events.File{}, err
	}
	defer out.Abort()
	offset := w.at.Packages * seal.PackageSize
	in, err := w.t.Store.OpenRange(ctx, f.Digest, offset, -1)
	if err != nil {
		return events.File{}, err
	}
	defer in.Close()
	w.meter.Add(offset)
	to, err := payload.Encrypt(out, w.at.Packages)
	if err != nil {
		return events.File{}, err
	}
	if err := w.stream(ctx, to, w.meter.Reader(ctx, in), f.Size-offset); err != nil {
		return events.File{}, err
	}
	if err := to.Close(); err != nil {
		return events.File{}, err
	}
	return out.Commit()
}

// stream encrypts size bytes of in.
func (w *work) stream(ctx context.Context, to *seal.Encrypter, in io.Reader, size int64) error {
	block := make([]byte, min(size, blockSize+seal.PackageSize))
	for next := int64(len(block)); size > 0; next = blockSize {
		part := block[:min(size, next)]
		size -= int64(len(part))
		if _, err := io.ReadFull(in, part); err != nil {
			return shorter(err)
		}
		if _, err := to.Write(part); err != nil {
			return err
		}
		w.at.Packages = to.Packages()
		if err := w.run.Offer(ctx, w.done+w.at.Packages*seal.PackageSize, w.total); err != nil {
			return err
		}
	}
	// The header says the size, so what comes out of a longer input cannot be read.
	if _, err := io.ReadFull(in, make([]byte, 1)); err != io.EOF {
		return shorter(err)
	}
	return nil
}

// shorter is the fault of an input that has another size than its file says, or
// the error of its reader.
func shorter(err error) error {
	if err == nil || err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.New(fault.InternalBug, "an input has another size than the task says", nil)
	}
	return err
}

// begin returns the output of f and what encrypts it: both as they were when the
// file was begun by an earlier attempt and its key can be read, and new otherwise.
func (w *work) begin(
	ctx context.Context, i int, f events.File,
) (*artifact.Writer, seal.Payload, error) {
	who := w.binding(i, f)
	if len(w.at.Key) > 0 {
		secret, size, ok := w.e.secret.open(who, w.at.Key)
		if payload, err := seal.PayloadOf(secret); ok && err == nil {
			out, err := w.output(ctx, i, f, size+w.at.Packages*seal.PackageLen)
			return out, payload, err
		}
		if err := w.drop(ctx, i); err != nil {
			return nil, seal.Payload{}, err
		}
	}
	w.at.Packages = 0
	h, err := w.e.header(seal.Meta{Name: f.Name, MediaType: f.MediaType, Size: f.Size}, w.to...)
	if err != nil {
		return nil, seal.Payload{}, err
	}
	if w.at.Key, err = w.e.secret.seal(who, h.Payload().Secret(), int64(len(h.Bytes()))); err != nil {
		return nil, seal.Payload{}, err
	}
	w.fresh = true
	out, err := w.output(ctx, i, f, 0)
	if err != nil {
		return nil, seal.Payload{}, err
	}
	if _, err := out.Write(h.Bytes()); err != nil {
		out.Abort()
		return nil, seal.Payload{}, err
	}
	return out, h.Payload(), nil
}

// drop forgets what there is of input i, whose key cannot be read here.
func (w *work) drop(ctx context.Context, i int) error {
	out, err := w.run.Output(ctx, strconv.Itoa(i), nil)
	if err != nil {
		return err
	}
	out.Abort()
	w.t.Log.WarnContext(ctx, "the key in a checkpoint cannot be read here: the file is begun again", "file", i)
	return nil
}

// output returns the writer of input i, which must be at size.
func (w *work) output(ctx context.Context, i int, f events.File, size int64) (*artifact.Writer, error) {
	o := &artifact.PutOptions{Name: nameOf(f.Name), MediaType: seal.MediaType}
	out, err := w.run.Output(ctx, strconv.Itoa(i), o)
	if err != nil {
		return nil, err
	}
	if out.Size() != size {
		out.Abort()
		return nil, fault.New(fault.InternalBug, "an output is not where its checkpoint says", nil)
	}
	return out, nil
}

// binding is what a sealed key is good for.
func (w *work) binding(i int, f events.File) binding {
	return binding{
		Tenant: w.t.Tenant, Job: w.t.Job, Step: w.t.Step, File: i, Digest: f.Digest, Size: f.Size,
	}
}
