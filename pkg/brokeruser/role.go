package brokeruser

import (
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Role is what a user of the broker is there for: one of the constants, or what
// [Stage], [Submitter] and [Reader] return.
type Role string

// Roles that there is one of.
const (
	// Setup makes streams, buckets and consumers, and makes them again when they are
	// gone. It carries no messages.
	Setup Role = "setup"
	// Conductor decides: it alone writes events and work.
	Conductor Role = "conductor"
	// Gateway is the HTTP door, with the list of jobs, bulk operations and uploads.
	Gateway Role = "gateway"
	// Notifier sends webhooks.
	Notifier Role = "notifier"
)

// Kinds of roles that there are many of, and what their names begin with.
const (
	kindStage  = "stage"
	kindSubmit = "submit"
	kindRead   = "read"
)

// Stage is the role of a stage, by its name.
func Stage(name string) Role { return Role(kindStage + ":" + name) }

// Submitter is the role of a program that hands in jobs of a tenant over plain NATS.
func Submitter(tenant string) Role { return Role(kindSubmit + ":" + tenant) }

// Reader is the role of a program that follows the events of a tenant over plain NATS.
func Reader(tenant string) Role { return Role(kindRead + ":" + tenant) }

// Fixed returns the roles that every mill has besides its stages.
func Fixed() []Role { return []Role{Setup, Conductor, Gateway, Notifier} }

// Parse reads a role, as in stage:hash. Fault: broker.unknown_role.
func Parse(text string) (Role, error) {
	r := Role(text)
	switch kind, name := r.split(); kind {
	case string(Setup), string(Conductor), string(Gateway), string(Notifier):
		if text == kind {
			return r, nil
		}
	case kindStage, kindSubmit, kindRead:
		if events.ValidToken(name) {
			return r, nil
		}
	}
	return "", fault.New(fault.BrokerUnknownRole, fault.Clip(text, 100), nil)
}

// split returns the kind of a role, and the name of its stage or tenant.
func (r Role) split() (kind, name string) {
	kind, name, _ = strings.Cut(string(r), ":")
	return kind, name
}

// StageName returns the name of a stage whose role it is.
func (r Role) StageName() (name string, ok bool) {
	kind, name := r.split()
	return name, kind == kindStage
}

// Outside reports whether a role is that of a program that is no part of the mill.
func (r Role) Outside() bool {
	kind, _ := r.split()
	return kind == kindSubmit || kind == kindRead
}

// fileEnd is how the names of files with keys end.
const fileEnd = ".nk"

// File names the file with the key of a role: stage-hash.nk.
func (r Role) File() string { return strings.Replace(string(r), ":", "-", 1) + fileEnd }

// FromFile returns the role whose key is in a file of that name. Fault:
// broker.unknown_role.
func FromFile(name string) (Role, error) {
	base, ok := strings.CutSuffix(name, fileEnd)
	if !ok {
		return "", fault.New(fault.BrokerUnknownRole, fault.Clip(name, 100), nil)
	}
	return Parse(strings.Replace(base, "-", ":", 1))
}

// Inbox is what the subjects begin with that answers to a role come back on, the
// --inbox-prefix of nats: _INBOX.stage.hash.
func (r Role) Inbox() string { return "_INBOX." + strings.Replace(string(r), ":", ".", 1) }
