package fetch

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// download is one source that is fetched over HTTP, in one or more transfers.
type download struct {
	*fetching
	w     wanted
	index int
	buf   []byte
	out   *output // nil before the first answer
	// plain says that no range is asked for. continued says that the content was
	// put together from more than one transfer.
	plain, continued bool
	// best is how far it ever was, idle how often it was gone on with since, last
	// how far it was the last time.
	best, last int64
	idle       int
	// begun says that a transfer has begun in this attempt.
	begun bool
}

// remote fetches a file over HTTP. continued says that it is put together from
// several transfers, which plain forbids.
func (g *fetching) remote(
	ctx context.Context, i int, plain bool, buf []byte,
) (f events.File, continued bool, err error) {
	d := &download{fetching: g, w: g.book.sources[i], index: i, plain: plain, buf: buf, out: g.book.output(i)}
	if d.out != nil && d.out.place.Version == nil {
		d.out = nil
	}
	d.best, d.last = d.out.size(), d.out.size()
	for err = d.transfer(ctx); err != nil; err = d.transfer(ctx) {
		if !d.again(ctx, err) {
			return f, d.continued, err
		}
		if err := d.pause(ctx); err != nil {
			return f, d.continued, err
		}
	}
	f, err = d.out.commit(ctx, d.w.check)
	return f, d.continued, err
}

// transfer asks for what is missing, and stores what comes.
func (d *download) transfer(ctx context.Context) error {
	if d.out.complete() {
		d.continued = true
		return nil
	}
	asking, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	a, err := d.ask(asking)
	if err != nil {
		return err
	}
	defer a.body.Close()
	if limit := int64(d.config.MaxBytes); limit > 0 && a.total > limit {
		return fault.New(fault.FetchTooLarge, shown(d.w.url), nil)
	}
	if a.from > 0 {
		d.continued = true
		d.out.learn(a.total)
	}
	d.begun = true
	body := newWatched(a.body, time.Duration(d.config.Stall), func() {
		stop(fault.Blame(fault.New(fault.FetchStalled, shown(d.w.url), nil), dependency(d.w.url)))
	})
	defer body.stop()
	err = d.store(ctx, body, a.length)
	if err != nil && ctx.Err() == nil && asking.Err() != nil {
		err = context.Cause(asking)
	}
	return err
}

// store appends what body has, which is length bytes, or to its end when that is
// negative.
func (d *download) store(ctx context.Context, body io.Reader, length int64) error {
	limit := int64(d.config.MaxBytes)
	for read := int64(0); ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := body.Read(d.out.room(d.buf))
		read += int64(n)
		switch {
		case length >= 0 && read > length:
			d.plain = true // whatever that is, it is not the range
			return d.cut(nil)
		case limit > 0 && d.out.size()+int64(n) > limit:
			return fault.New(fault.FetchTooLarge, shown(d.w.url), nil)
		}
		if n > 0 {
			if err := d.out.write(ctx, d.buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return d.ended(read, length)
		}
		if err != nil {
			return d.cut(err)
		}
	}
}

// ended judges the end of a transfer of which length bytes were announced.
func (d *download) ended(read, length int64) error {
	if length >= 0 && read < length || d.out.place.Total > 0 && !d.out.complete() {
		return d.cut(nil)
	}
	d.out.learn(d.out.size())
	return nil
}

// cut is the fault of a transfer that ends before it should.
func (d *download) cut(cause error) error {
	return fault.Blame(fault.New(fault.FetchTruncated,
		shown(d.w.url)+" after "+strconv.FormatInt(d.out.size(), 10)+" bytes", cause), dependency(d.w.url))
}

// ask asks for what is missing, and begins the output again when that is
// everything.
func (d *download) ask(ctx context.Context) (part, error) {
	var asked *place
	size := d.out.size()
	if d.out.resumable() && !d.plain {
		asked = &d.out.place
	}
	resp, at, err := d.follow(ctx, d.w.url, asked, size)
	if err != nil {
		return part{}, err
	}
	if resp.StatusCode != http.StatusOK {
		a, why := asked.rest(resp, size)
		if a.length == 0 {
			_ = resp.Body.Close() // says that there is nothing more
			a.body = http.NoBody
		}
		if why == "" {
			d.say("goes on", "bytes", size)
			return a, nil
		}
		_ = resp.Body.Close() // not wanted
		d.say("starts over", "bytes", size, "reason", why)
		if resp, at, err = d.follow(ctx, d.w.url, nil, 0); err != nil {
			return part{}, err
		}
	} else if size > 0 {
		d.say("starts over", "bytes", size, "reason", "it was answered with the whole file")
	}
	a := whole(resp)
	p := place{Index: d.index, Total: a.total, Type: declared(resp.Header.Get("Content-Type"))}
	if !d.plain && jsonSize(p.Type) <= roomForType {
		p.Version = versionOf(at, resp.Header)
	}
	if d.out, err = d.book.begin(p); err != nil {
		_ = resp.Body.Close() // nowhere to put it
	}
	return a, err
}

// again reports whether to ask for the rest after a transfer that failed.
func (d *download) again(ctx context.Context, err error) bool {
	f := fault.From(err)
	switch f.Code {
	case fault.FetchTruncated, fault.FetchStalled, fault.FetchServerError, fault.FetchUnreachable:
	default:
		return false
	}
	if ctx.Err() != nil || f.RetryAfter > 0 || !d.begun || !d.out.resumable() {
		return false
	}
	if size := d.out.size(); size > d.best {
		d.best, d.idle = size, 0
	}
	if d.idle >= d.config.Resumptions {
		return false
	}
	d.idle++
	return true
}

// pause waits a moment before a source is asked again that sends little at a time.
func (d *download) pause(ctx context.Context) error {
	gained := d.out.size() - d.last
	d.last = d.out.size()
	if gained >= offerEvery {
		return nil
	}
	return wait(ctx, 100*time.Millisecond<<min(d.idle-1, 4))
}

// say notes what becomes of a source that was begun.
func (d *download) say(what string, args ...any) {
	d.note("source "+what, append(args, "source", shown(d.w.url))...)
}
