package doctor

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/services/millrace/brokerusers"
)

// TestUsersOfTheBroker tries each key of a folder against a broker that knows some.
func TestUsersOfTheBroker(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "users")
	folder, err := brokerusers.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Ensure([]brokeruser.Role{brokeruser.Conductor, brokeruser.Stage("hash"), brokeruser.Reader("a")}); err != nil {
		t.Fatal(err)
	}
	users, err := folder.Users()
	if err != nil {
		t.Fatal(err)
	}
	s := bustest.Server(t, bustest.ServerOptions{Listen: true, Config: func(o *server.Options) {
		for _, u := range users {
			o.Nkeys = append(o.Nkeys, &server.NkeyUser{Nkey: u.Key})
		}
	}})
	c := Config{Broker: bus.Options{URL: s.ClientURL(), Creds: dir}, Wait: brokerWait}
	if got := checkBroker(t.Context(), c); got.Status != OK || !strings.Contains(got.Detail, "conductor, stage:hash ") {
		t.Errorf("known users: %+v", got)
	}
	if _, err := folder.Ensure([]brokeruser.Role{brokeruser.Gateway}); err != nil {
		t.Fatal(err)
	}
	got := checkBroker(t.Context(), c)
	if got.Status != Fail || !strings.HasPrefix(got.Detail, "gateway: ") || !strings.Contains(got.Detail, "bus.denied") || got.Hint == "" {
		t.Errorf("a user that the broker does not know: %+v", got)
	}
	c.Broker.Creds = t.TempDir()
	if got := checkBroker(t.Context(), c); got.Status != Fail || got.Hint == "" {
		t.Errorf("a folder without keys: %+v", got)
	}
}

// brokerWait is how long a broker may take on a busy machine.
const brokerWait = 30 * time.Second
