package mill_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/deploy/freeport"
	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/mill"
	"github.com/millrace/millrace/services/millrace/brokerusers"
)

// brokerUp is how long a broker may take to start.
const brokerUp = 30 * time.Second

// guarded is a broker that knows the users of a folder and nobody else, and mills whose
// roles are such users.
type guarded struct {
	t         *testing.T
	dir       string
	url       string
	config    string
	broker    *server.Server
	users     *brokerusers.Folder
	roles     []brokeruser.Role
	forbidden *forbidden
}

// newGuarded starts a broker with users for the fixed roles and for others.
func newGuarded(t *testing.T, others ...brokeruser.Role) *guarded {
	t.Helper()
	g := &guarded{
		t: t, dir: t.TempDir(), roles: append(brokeruser.Fixed(), others...), forbidden: &forbidden{},
	}
	var err error
	if g.users, err = brokerusers.Open(filepath.Join(g.dir, "users")); err != nil {
		t.Fatal(err)
	}
	made, err := g.users.Ensure(g.roles)
	if err != nil || len(made) != len(g.roles) {
		t.Fatalf("made %v: %v", made, err)
	}
	if err := g.users.WriteConfig(); err != nil {
		t.Fatal(err)
	}
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(g.dir, "nats.conf")
	text := fmt.Sprintf("listen: 127.0.0.1:%d\njetstream { store_dir: %q }\nauthorization { include \"users/%s\" }\n",
		port, filepath.Join(g.dir, "store"), brokerusers.ConfigFile)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	g.config = config
	g.start()
	t.Cleanup(func() { g.stop() })
	g.url = g.broker.ClientURL()
	return g
}

// start starts the broker, again after a stop.
func (g *guarded) start() {
	g.t.Helper()
	o, err := server.ProcessConfigFile(g.config)
	if err != nil {
		g.t.Fatal(err)
	}
	o.NoSigs = true
	if g.broker, err = server.NewServer(o); err != nil {
		g.t.Fatal(err)
	}
	g.broker.SetLoggerV2(g.forbidden, false, false, false)
	g.broker.Start()
	if !g.broker.ReadyForConnections(brokerUp) {
		g.t.Fatal("the broker does not start")
	}
}

func (g *guarded) stop() {
	g.broker.Shutdown()
	g.broker.WaitForShutdown()
}

// reload has the broker read its configuration again, as a SIGHUP does.
func (g *guarded) reload() {
	g.t.Helper()
	if err := g.users.WriteConfig(); err != nil {
		g.t.Fatal(err)
	}
	if err := g.broker.Reload(); err != nil {
		g.t.Fatal(err)
	}
}

// keys makes the folder of a machine that has the keys of some roles.
func (g *guarded) keys(name string, roles ...brokeruser.Role) string {
	g.t.Helper()
	dir := filepath.Join(g.dir, name+"-keys")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		g.t.Fatal(err)
	}
	for _, r := range roles {
		g.hand(dir, r)
	}
	return dir
}

// hand copies the key of a role to a machine, in the place of the one it has.
func (g *guarded) hand(dir string, r brokeruser.Role) {
	g.t.Helper()
	data, err := os.ReadFile(g.users.Path(r))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, r.File()), data, 0o600)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// mill begins a mill that has the keys of some roles, and does not wait for it.
func (g *guarded) mill(name string, roles []string, keys []brokeruser.Role, change func(*mill.Config)) *mill.Mill {
	g.t.Helper()
	c := mill.Config{
		DataDir: filepath.Join(g.dir, name), NATSURL: g.url, NATSCreds: g.keys(name, keys...), Roles: roles,
		ArtifactDir: filepath.Join(g.dir, "artifacts"), PublishDir: filepath.Join(g.dir, "published"),
		EncryptSecretFile: filepath.Join(g.dir, "encrypt.secret"), DiskReserve: -1, Worker: name,
		Log: slog.New(slog.NewTextHandler(g.forbidden, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if change != nil {
		change(&c)
	}
	m, err := mill.New(c)
	if err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	g.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			g.t.Errorf("mill %s ended with %v", name, err)
		}
	})
	return m
}

// plain connects as a user with nothing but a NATS client. refused gets what the broker
// refuses; it may be nil.
func (g *guarded) plain(r brokeruser.Role, refused chan<- string) *nats.Conn {
	g.t.Helper()
	key, err := nats.NkeyOptionFromSeed(g.users.Path(r))
	if err != nil {
		g.t.Fatal(err)
	}
	c, err := nats.Connect(g.url, key, nats.CustomInboxPrefix(r.Inbox()),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if refused != nil && errors.Is(err, nats.ErrPermissionViolation) {
				refused <- err.Error()
			}
		}))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(c.Close)
	return c
}

// client opens the HTTP door with the key that the mill has begun with.
func (g *guarded) client(m *mill.Mill) *client.Client {
	g.t.Helper()
	token, err := os.ReadFile(m.FirstKey())
	if err != nil {
		g.t.Fatal(err)
	}
	c, err := client.New(client.Config{Server: m.HTTPURL(), Token: strings.TrimSpace(string(token))})
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

// forbidden keeps what a log says of things that were tried and are not allowed. It is a
// log of the broker and of mills.
type forbidden struct {
	mu    sync.Mutex
	lines []string
}

var (
	_ server.Logger = (*forbidden)(nil)
	_ io.Writer     = (*forbidden)(nil)
)

func (f *forbidden) see(line string) {
	low := strings.ToLower(line)
	// Who has a key that was retired is refused as a whole; that is another matter.
	if !strings.Contains(low, "violation") || strings.Contains(low, "authorization violation") {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, line)
}

// none fails a test when something was tried that is not allowed.
func (f *forbidden) none(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, line := range f.lines {
		t.Error(line)
	}
}

func (f *forbidden) Write(line []byte) (int, error) {
	f.see(string(line))
	return len(line), nil
}

func (f *forbidden) Errorf(format string, v ...any) { f.see(fmt.Sprintf(format, v...)) }
func (f *forbidden) Warnf(format string, v ...any)  { f.see(fmt.Sprintf(format, v...)) }
func (f *forbidden) Fatalf(format string, v ...any) { f.see(fmt.Sprintf(format, v...)) }
func (*forbidden) Noticef(string, ...any)           {}
func (*forbidden) Debugf(string, ...any)            {}
func (*forbidden) Tracef(string, ...any)            {}
