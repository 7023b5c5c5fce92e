package fsstore_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
)

func open(t *testing.T, dir string, o *fsstore.Options) driver.Store {
	t.Helper()
	s, err := fsstore.New(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestDriver(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]*fsstore.Options{
		"durable": nil, "relaxed": {NoSync: true, Reserve: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			drivertest.Run(t, func(t *testing.T) driver.Store { return open(t, t.TempDir(), o) })
		})
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
