package mill

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity/oidc"
	"github.com/millrace/millrace/pkg/pressure"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/tracing"
	"github.com/millrace/millrace/services/stages/publishs3"
)

// Durability says when a write counts.
const (
	// DurabilityAlways syncs every record to disk before it counts. Nothing
	// accepted is lost to a power cut.
	DurabilityAlways = "always"
	// DurabilityRelaxed leaves syncing to the operating system. Nothing
	// accepted is lost to a killed process; a power cut loses what was not
	// yet on disk.
	DurabilityRelaxed = "relaxed"
)

// Roles of a process. Besides these, "stage:<name>" runs one stage.
const (
	RoleAll       = "all"
	RoleGateway   = "gateway"
	RoleConductor = "conductor"
	RoleStages    = "stages"
	RoleNotifier  = "notifier"
	rolePrefix    = "stage:"
)

// Config is what a mill is made of. The zero value, with a DataDir, is a whole
// mill with an embedded broker that nobody else can reach and no HTTP door.
type Config struct {
	// DataDir is where everything is kept that has no folder of its own. It is
	// made if it is not there.
	DataDir string
	// NATSURL is the broker. Empty means the embedded one.
	NATSURL string
	// NATSUser, NATSPassword and NATSCreds, the name of a file, are given to an
	// external broker. Where NATSCreds is a folder, it holds the key of each role of
	// this process, named by [brokeruser.Role.File]; each then connects as a user of
	// its own.
	NATSUser, NATSPassword, NATSCreds string
	// NATSListen opens the embedded broker to other processes at host:port; it asks
	// nobody who they are. Empty keeps it closed.
	NATSListen string
	// HTTPAddr is where the gateway listens. Empty means no HTTP, and port 0
	// any free port.
	HTTPAddr string
	// MetricsAddr is where a process without a gateway, or beside it, answers /metrics,
	// /livez and /readyz to whoever can reach it. Empty means nowhere, and port 0 any
	// free port.
	MetricsAddr string
	// Traces says where spans go. Nil means nowhere.
	Traces *tracing.Options
	// Auth says who may use the gateway: AuthNone, also when empty, AuthLocal or
	// AuthKeys.
	Auth string
	// OIDC takes tokens of an issuer besides keys. Nil takes none. It needs Auth.
	OIDC *oidc.Config
	// MakeLocalKey makes DataDir/local.key, with which whoever can read it owns the
	// mill, from loopback to a gateway there. Without it, a mill with identity
	// begins with a key in DataDir/admin.key.
	MakeLocalKey bool
	// TLSCert and TLSKey are PEM files with which the gateway speaks TLS. They are
	// read again when they change.
	TLSCert, TLSKey string
	// InsecureNoAuth and InsecureNoTLS let the gateway, the embedded broker and the door
	// for metrics listen off loopback without identity, and without TLS: something else
	// protects them.
	InsecureNoAuth, InsecureNoTLS bool
	// Roles are what this process does. Empty means all of it.
	Roles []string
	// Views is where the list of jobs is kept: a folder, for SQLite, or the URL of a
	// PostgreSQL database. It can be built again from the events. Empty means
	// DataDir/views.
	Views string
	// Durability of the embedded broker and of the artifact store:
	// DurabilityAlways, also when empty, or DurabilityRelaxed.
	Durability string
	// Derived says where the streams are kept that can be rebuilt from the
	// events: bus.DerivedMemory, also when empty, bus.DerivedAsync or
	// bus.DerivedSync. It counts when they are made.
	Derived string
	// AllowPaths are the folders below which file:// sources may be read.
	AllowPaths []string
	// AllowCommands are the executables that the command stage may run.
	AllowCommands []string
	// AllowPrivateNetworks lets fetch, http-call and webhooks reach loopback and
	// private addresses.
	AllowPrivateNetworks bool
	// PublishDir is below which publish writes. Empty means DataDir/published.
	PublishDir string
	// ArtifactDir holds the artifacts. Processes that share work share it.
	// Empty means DataDir/artifacts.
	ArtifactDir string
	// EncryptSecretFile keeps the keys of unfinished files from those who read
	// checkpoints, and the secrets of webhooks from those who read the broker's
	// store; it is made when it is not there. Processes that share work share it.
	// Empty means DataDir/encrypt.secret.
	EncryptSecretFile string
	// IdentityFiles hold the age secret keys with which the decrypt stage opens
	// files, for all tenants.
	IdentityFiles []string
	// S3 are the object stores that publish-s3 may use, by the names that pipelines
	// call them.
	S3 map[string]publishs3.Endpoint
	// Breakers are those of all stages. Nil means new ones, with the settings of
	// [breaker.Kinds]. A program that brings stages of its own gives them the same.
	Breakers *breaker.Registry
	// DiskReserve is how many bytes of its disk the artifact store leaves
	// free. Zero means 64 MiB, negative none.
	DiskReserve int64
	// Worker names this mill to the others that share its broker. Empty means the
	// names of host and process, which is enough for one mill in a process.
	Worker string
	// DiskLow is how much of each disk should be free for new jobs and uploads to be
	// taken, and DiskPark for stages that write files to take tasks. The zero value is
	// no mark.
	DiskLow, DiskPark pressure.Mark
	// DiskSpace returns the room of the disk of a folder. Nil asks the system. It does
	// not go with a configuration that is handed to a process.
	DiskSpace func(dir string) (pressure.Space, error) `json:"-"`
	// Slots is how many attempts of each stage run at once. Zero leaves it to
	// the stage.
	Slots int
	// AckWait is how long a silent worker keeps a task. Zero means 2.5 seconds.
	AckWait time.Duration
	// Drain is how long running attempts may go on after a stop. Zero means 1
	// second, negative not at all.
	Drain time.Duration
	// CheckpointBytes is how much work a crash may cost a step at most, in bytes,
	// where the step does not say so itself. Zero means 16 MiB, negative that
	// nothing is saved.
	CheckpointBytes int64
	// CheckpointEvery is how long an attempt that moves saves nothing at most.
	// Zero means 10 seconds.
	CheckpointEvery time.Duration
	// Retention is how long the records of a job are kept. Zero means 30 days.
	Retention time.Duration
	// Replicas of each stream in a cluster. Zero means 1.
	Replicas int
	// ReconcileEvery is how often lost work is looked for. Zero means every
	// minute.
	ReconcileEvery time.Duration
	// Log takes the mill's log. Nil discards it.
	Log *slog.Logger
	// ExtraStages are offered beside the built-in ones.
	ExtraStages []stage.Stage
}

const defaultAckWait = 2500 * time.Millisecond

// withDefaults fills in what is empty and refuses what makes no sense.
func (c Config) withDefaults() (Config, error) {
	if c.DataDir == "" {
		return c, badConfig("a data directory is required")
	}
	switch c.Durability {
	case "":
		c.Durability = DurabilityAlways
	case DurabilityAlways, DurabilityRelaxed:
	default:
		return c, badConfig("durability is always or relaxed, not " + fault.Clip(c.Durability, 40))
	}
	if c.NATSURL != "" && c.NATSListen != "" {
		return c, badConfig("an external broker is not opened to others: leave out --nats-addr")
	}
	for _, addr := range []string{c.NATSListen, c.HTTPAddr, c.MetricsAddr} {
		if _, _, err := net.SplitHostPort(addr); addr != "" && err != nil {
			return c, badConfig(err.Error())
		}
	}
	if err := c.checkDoor(); err != nil {
		return c, err
	}
	if len(c.Roles) == 0 {
		c.Roles = []string{RoleAll}
	}
	if c.PublishDir == "" {
		c.PublishDir = filepath.Join(c.DataDir, "published")
	}
	if c.ArtifactDir == "" {
		c.ArtifactDir = filepath.Join(c.DataDir, "artifacts")
	}
	if c.Views == "" {
		c.Views = filepath.Join(c.DataDir, "views")
	}
	if c.EncryptSecretFile == "" {
		c.EncryptSecretFile = filepath.Join(c.DataDir, "encrypt.secret")
	}
	if c.AckWait <= 0 {
		c.AckWait = defaultAckWait
	}
	if c.Breakers == nil {
		c.Breakers = breaker.New(breaker.Options{Kinds: breaker.Kinds()})
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func badConfig(detail string) error { return fault.New(fault.MillBadConfig, detail, nil) }

// roles is what a process does.
type roles struct {
	gateway, conductor, notifier bool
	stages                       *stage.Set // nil for none
}

// parseRoles turns role names into roles, and complains of unknown ones.
func parseRoles(names []string, all *stage.Set) (roles, error) {
	var r roles
	var only, unknown []string
	for _, name := range names {
		one, isStage := strings.CutPrefix(name, rolePrefix)
		switch {
		case name == RoleAll:
			r.gateway, r.conductor, r.notifier, r.stages = true, true, true, all
		case name == RoleGateway:
			r.gateway = true
		case name == RoleConductor:
			r.conductor = true
		case name == RoleNotifier:
			r.notifier = true
		case name == RoleStages:
			r.stages = all
		case isStage:
			only = append(only, one)
		default:
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return r, badConfig("unknown role " + fault.Clip(strings.Join(unknown, ", "), 200) +
			"; there are all, gateway, conductor, notifier, stages and stage:NAME")
	}
	if len(only) > 0 {
		some, err := all.Only(only...)
		if err != nil {
			return r, badConfig(err.Error())
		}
		if r.stages == nil {
			r.stages = some
		}
	}
	return r, nil
}

// makeDirs makes the folders of a mill and returns the scratch folder.
func (c Config) makeDirs() (string, error) {
	scratch := filepath.Join(c.DataDir, "scratch")
	for _, d := range []string{c.DataDir, c.PublishDir, c.ArtifactDir, scratch} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return "", fault.New(fault.MillStartFailed, "make a folder", err)
		}
	}
	return scratch, nil
}
