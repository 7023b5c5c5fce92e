package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// isFolder reports whether the credentials are a folder with a key for each role.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// checkUsers connects to the external broker as every user of the mill whose key is in
// the folder.
func checkUsers(ctx context.Context, c Config) Check {
	check := Check{Name: "broker"}
	files, err := os.ReadDir(c.Broker.Creds)
	if err != nil {
		check.Status, check.Detail, check.Hint = Fail, err.Error(), fault.BrokerNoKey.Info().Hint
		return check
	}
	var fit []string
	for _, file := range files {
		r, err := brokeruser.FromFile(file.Name())
		if err != nil || r.Outside() {
			continue // no part of the mill, or some other file
		}
		if err := tryUser(ctx, c, r); err != nil {
			f := fault.From(err)
			check.Status, check.Detail, check.Hint = Fail, string(r)+": "+f.Error(), f.Code.Info().Hint
			return check
		}
		fit = append(fit, string(r))
	}
	if len(fit) == 0 {
		check.Status, check.Detail, check.Hint = Fail, c.Broker.Creds+" holds no key", fault.BrokerNoKey.Info().Hint
		return check
	}
	check.Status, check.Detail = OK, fmt.Sprintf("it takes %s for what they are", strings.Join(fit, ", "))
	return check
}

// tryUser connects as one user.
func tryUser(ctx context.Context, c Config, r brokeruser.Role) error {
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	o := c.Broker
	o.Creds, o.UserKey, o.InboxPrefix = "", filepath.Join(c.Broker.Creds, r.File()), r.Inbox()
	conn, err := bus.Connect(ctx, o)
	if err != nil {
		return err
	}
	return conn.Close()
}
