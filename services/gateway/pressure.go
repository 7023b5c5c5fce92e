package gateway

import (
	"net/http"
	"strconv"

	"github.com/millrace/millrace/pkg/pressure"
)

// room refuses something new while there is little room. Fault: disk.low.
func (g *Gateway) room() error {
	if g.Pressure == nil {
		return nil
	}
	return g.Pressure.Admit()
}

// fits refuses content of a size that its request declares, before any of it is read,
// when there is not enough room for it. What is over the limit is refused for that.
// Fault: disk.no_room.
func (g *Gateway) fits(size int64) error {
	if limit := g.Limits.Upload; g.Pressure == nil || limit > 0 && size > limit {
		return nil
	}
	return g.Pressure.Fits(size)
}

// declared is the size of a resumable upload as its request says it, or 0.
func declared(h http.Header) int64 {
	size, err := strconv.ParseInt(h.Get("Upload-Length"), 10, 64)
	if err != nil {
		return 0 // the protocol's handler says so
	}
	return size
}

// disk says how it stands with the disks. The route is open: figures are for a mill
// without identity only.
func (g *Gateway) disk() string {
	level, detail := g.Pressure.State()
	switch {
	case level == pressure.OK || g.Auth != nil:
		return level.String()
	case level == pressure.Parked:
		return "parked: " + detail + "; new work is refused, and stages rest"
	}
	return "low: " + detail + "; new work is refused"
}
