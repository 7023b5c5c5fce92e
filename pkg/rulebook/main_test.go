package rulebook_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The embedded broker keeps one for good.
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stats).track"),
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"),
	)
}
