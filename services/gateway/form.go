package gateway

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// Bounds of a form. Its files may be as large as any upload.
const (
	maxFormField = 64 << 10
	maxFormParts = 256
)

// isForm reports whether the body is a form with files, as browsers send it.
func (x *exchange) isForm() bool { return x.mediaType() == "multipart/form-data" }

// storeForm stores the single file of a form.
func (g *Gateway) storeForm(x *exchange) error {
	_, files, err := g.readForm(x, false)
	if err != nil {
		return err
	}
	if len(files) != 1 {
		return badRequest(fmt.Sprintf("the form has %d files, not one", len(files)))
	}
	h := x.w.Header()
	h.Set("Location", "/v1/artifacts/"+files[0].Digest)
	h.Set("ETag", `"`+files[0].Digest+`"`)
	return x.json(http.StatusCreated, files[0])
}

// submitForm submits a job on the files of a form, whose other fields are those of an
// upload's query.
func (g *Gateway) submitForm(x *exchange) error {
	q, files, err := g.readForm(x, true)
	if err != nil {
		return err
	}
	if err := q.checkJob(); err != nil {
		return err
	}
	if q.key, err = chooseKey(x.r.Header, q.key, "the field key"); err != nil {
		return err
	}
	if err := g.checkUpload(x.r.Context(), x.tenant, q); err != nil {
		return err
	}
	return g.submitFiles(x, q, files...)
}

// readForm stores the files of a form as they come, and collects its fields.
func (g *Gateway) readForm(x *exchange, job bool) (*uploadQuery, []events.File, error) {
	if x.r.URL.RawQuery != "" {
		return nil, nil, badRequest("a form states everything itself, there is no query")
	}
	form, err := x.r.MultipartReader()
	if err != nil {
		return nil, nil, badRequest("the form is malformed: " + err.Error())
	}
	if err := g.fits(x.r.ContentLength); err != nil {
		return nil, nil, err
	}
	release, err := g.uploads.take(x.r.Context(), uploadPatience)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	q := &uploadQuery{}
	given := map[string]bool{}
	var files []events.File
	for n := 0; ; n++ {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			return q, files, nil
		}
		if err != nil {
			return nil, nil, badRequest("the form ends early or is malformed")
		}
		name := part.FormName()
		switch {
		case n >= maxFormParts:
			return nil, nil, badRequest("the form has more than 256 parts")
		case part.FileName() != "":
			f, err := g.storePart(x, part)
			if err != nil {
				return nil, nil, err
			}
			files = append(files, f)
		case given[name]:
			return nil, nil, badRequest(fault.Clip(name, 60) + " is given twice")
		default:
			given[name] = true
			if err := q.readField(name, part, job); err != nil {
				return nil, nil, err
			}
		}
	}
}

func (q *uploadQuery) readField(name string, part io.Reader, job bool) error {
	if name == "name" || name == "media_type" {
		return badRequest("the files of a form bring " + name + " themselves")
	}
	value, err := io.ReadAll(io.LimitReader(part, maxFormField+1))
	switch {
	case err != nil:
		return badRequest("the form ends early or is malformed")
	case len(value) > maxFormField:
		return fault.New(fault.HTTPTooLarge, "a field of a form is at most 64 KiB", nil)
	}
	return q.field(name, string(value), job)
}

// storePart stores one file of a form. Browsers give the base name; of anything else
// that is what counts.
func (g *Gateway) storePart(x *exchange, part *multipart.Part) (events.File, error) {
	name := part.FileName()
	if err := artifact.CheckName(name); err != nil {
		return events.File{}, err
	}
	mediaType := declaredType(part.Header.Get("Content-Type"))
	if !printable(mediaType) {
		return events.File{}, badRequest("the content type of a file is not at most 255 printable ASCII characters")
	}
	return g.Store.Put(x.r.Context(), formPart{part}, &artifact.PutOptions{
		Name: name, MediaType: mediaType, Limit: g.Limits.Upload,
	})
}

// formPart is a part of a form, whose errors are the client's.
type formPart struct{ io.Reader }

// Read reads the part. Fault: http.bad_request.
func (p formPart) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = badRequest("the form ends early or is malformed")
	}
	return n, err
}
