// Package encrypt is the stage that encrypts files for the holders of age keys, in
// the format of package seal.
//
// # What is the same every time, and what is not
//
// Each file gets a random key of its own, so that equal files do not look equal to
// those who store them, and nobody who holds the records of Millrace and its secret
// can make the keys again later. The price: the same file encrypted by another job
// is other bytes. Deriving keys from a secret and the digest of the input would
// give the same bytes everywhere, but such a secret opens every file for ever, as
// the digests stand in the records. age offers no wrapping without randomness either.
//
// Within a step the result is settled by its checkpoints. A place that is saved
// holds the key of the file at hand, and with the last save, before Run returns,
// all digests are on record. So an attempt that goes on from a place continues the
// very bytes, and one that comes after a lost answer gives the same answer.
//
// # Keys in checkpoints
//
// Records are kept by the broker, so a key in them is sealed: by AES-256-GCM under a
// key derived from the mill's secret and from tenant, job, step, place of the file,
// its digest and its size. A sealed key that was moved to another step, or whose
// secret was replaced, does not open, and cannot be used on other content: then
// the file is begun again with a new key.
//
//	killed                      | the next attempt
//	----------------------------|-------------------------------------------
//	before the first save       | begins with new keys; nobody has seen the old
//	between two saves           | encrypts again what came after the last one, to the same bytes
//	after the last save         | gives the same result without encrypting
//	and the secret was replaced | begins with new keys
//
// A package of content is always encrypted from the same bytes: its number says
// both where it stands in the output and where it comes from. So no nonce meets two
// contents, even if records are lost or falsified.
package encrypt

import (
	"context"
	"strconv"

	"filippo.io/age"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/seal"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/outputs"
)

// Options tunes the stage.
type Options struct {
	// Secret keeps the keys in checkpoints from those who read them; see
	// [OpenSecret]. All workers that may take over from each other share it. The
	// zero value means one that lives as long as this process: after a restart,
	// files that were not finished are begun again.
	Secret Secret
}

// New returns the stage encrypt@1.
func New(o Options) stage.Stage {
	if o.Secret == (Secret{}) {
		o.Secret = newSecret()
	}
	return &encrypter{spec: spec(), secret: o.Secret, header: seal.New}
}

type encrypter struct {
	spec   stage.Spec
	secret Secret
	header func(seal.Meta, ...age.Recipient) (*seal.Header, error)
}

func (e *encrypter) Spec() stage.Spec { return e.spec }

// Run encrypts each file.
func (e *encrypter) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	files, err := t.Inputs()
	if err != nil {
		return stage.Result{}, err
	}
	var c config
	if err := t.Config(&c); err != nil {
		return stage.Result{}, err
	}
	w := work{e: e, t: t, to: c.to, meter: t.Meter(stage.Size(files)), total: stage.Size(files)}
	if w.run, err = t.Resume(ctx, e.secret.version(), &w.at); err != nil {
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
	// From here on a repeated attempt gives these files.
	if w.fresh {
		if err := w.run.Save(ctx, w.total, w.total); err != nil {
			return stage.Result{}, err
		}
	}
	res.Findings = map[string]string{
		"bytes_in":   strconv.FormatInt(w.total, 10),
		"bytes_out":  strconv.FormatInt(stage.Size(res.Files), 10),
		"recipients": strconv.Itoa(len(w.to)),
	}
	return res, nil
}

// place is where an attempt is: the state of its checkpoints.
type place struct {
	// Finished are the outputs of the first inputs.
	Finished outputs.List `json:"finished,omitempty"`
	// Key is the sealed key of the file after them; none when it was not begun.
	Key []byte `json:"key,omitempty"`
	// Packages is how many whole packages of it are written.
	Packages int64 `json:"packages,omitempty"`
}

// work is one attempt.
type work struct {
	e     *encrypter
	t     *stage.Task
	to    []age.Recipient
	run   *checkpoint.Run
	meter *stage.Meter
	at    place
	fresh bool  // something was done that is not saved yet
	total int64 // bytes of all inputs
	done  int64 // bytes of the inputs that are finished
}

// file returns the encrypted file of f, which is input i.
func (w *work) file(ctx context.Context, i int, f events.File) (events.File, error) {
	made, ok := w.at.Finished.File(i)
	if !ok {
		var err error
		if made, err = w.encrypt(ctx, i, f); err != nil {
			return events.File{}, err
		}
		if err := w.at.Finished.Add(made); err != nil {
			return events.File{}, err
		}
		w.at.Key, w.at.Packages, w.fresh = nil, 0, true
	} else {
		w.meter.Add(f.Size)
	}
	w.done += f.Size
	made.Name, made.MediaType = nameOf(f.Name), seal.MediaType
	if ok {
		return made, nil
	}
	return made, w.run.Offer(ctx, w.done, w.total)
}
