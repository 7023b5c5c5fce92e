package faultproxy

import "fmt"

// Kind is a kind of trouble.
type Kind string

// The kinds of trouble.
const (
	// Latency delays every answer by Amount milliseconds and up to half as much
	// again.
	Latency Kind = "latency"
	// BlackHole swallows every byte in both directions and says nothing. Connections
	// stay open.
	BlackHole Kind = "black hole"
	// Reset resets connections as soon as the server answers: the request arrived.
	Reset Kind = "reset"
	// ResetRequest resets connections as soon as the client sends something: the
	// request does not arrive.
	ResetRequest Kind = "reset of requests"
	// SlowClose holds back the end of answers for Amount milliseconds.
	SlowClose Kind = "slow close"
	// Truncate cuts answers after Amount bytes.
	Truncate Kind = "cut"
	// Down refuses connections and closes those that there are.
	Down Kind = "down"
)

// Kinds returns all kinds.
func Kinds() []Kind {
	return []Kind{Latency, BlackHole, Reset, ResetRequest, SlowClose, Truncate, Down}
}

// Fault is trouble of one kind.
type Fault struct {
	Kind Kind
	// Amount is in milliseconds or bytes, as the kind says. The other kinds do not
	// use it.
	Amount int
}

// String says the kind and, where it counts, how much of it.
func (f Fault) String() string {
	switch f.Kind {
	case Latency, SlowClose:
		return fmt.Sprintf("%s of %d ms", f.Kind, f.Amount)
	case Truncate:
		return fmt.Sprintf("%s after %d bytes", f.Kind, f.Amount)
	}
	return string(f.Kind)
}

// toxic is toxiproxy's word for a fault in one direction.
type toxic struct {
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Toxicity   float32        `json:"toxicity"`
	Attributes map[string]int `json:"attributes"`
}

const (
	up   = "upstream"
	down = "downstream"
)

// toxics are what a fault is made of. That of Down is no toxic.
func (f Fault) toxics() []toxic {
	one := func(kind, stream string, attributes map[string]int) toxic {
		return toxic{Name: kind + " " + stream, Type: kind, Stream: stream, Toxicity: 1, Attributes: attributes}
	}
	switch f.Kind {
	case Latency:
		return []toxic{one("latency", down, map[string]int{"latency": f.Amount + f.Amount/4, "jitter": f.Amount / 4})}
	case BlackHole:
		never := map[string]int{"timeout": 0}
		return []toxic{one("timeout", up, never), one("timeout", down, never)}
	case Reset:
		return []toxic{one("reset_peer", down, nil)}
	case ResetRequest:
		return []toxic{one("reset_peer", up, nil)}
	case SlowClose:
		return []toxic{one("slow_close", down, map[string]int{"delay": f.Amount})}
	case Truncate:
		return []toxic{one("limit_data", down, map[string]int{"bytes": f.Amount})}
	}
	return nil
}
