package main

import (
	"flag"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// update rewrites the golden texts inside the scripts: go test ./services/millrace -update.
var update = flag.Bool("update", false, "rewrite the golden texts of the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"millrace":      main,
		"nats-server":   natsServer,
		"nats-pub":      natsPub,
		"hook-receiver": hookReceiver,
	})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			// Times of day in golden texts are those of UTC, and no setting of
			// the machine reaches a script.
			e.Setenv("TZ", "UTC")
			e.Setenv("NO_COLOR", "1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"await":   await,
			"capture": capture,
			"types":   types,
		},
	})
}
