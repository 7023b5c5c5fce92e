package gateway

import "github.com/millrace/millrace/pkg/pressure"

// room refuses something new while there is little room. Fault: disk.low.
func (g *Gateway) room() error {
	if g.Pressure == nil {
		return nil
	}
	return g.Pressure.Admit()
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
