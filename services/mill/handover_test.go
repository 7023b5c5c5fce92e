package mill_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
)

// workers is a broker, a conductor and two processes that share every stage.
type workers struct {
	*crashWorld
	a, b *process
}

func newWorkers(t *testing.T) *workers {
	t.Helper()
	w := &workers{crashWorld: newCrashWorld(t)}
	var c childConfig
	c.Broker.Dir, c.Broker.Port = filepath.Join(w.dir, "broker"), w.port
	start := func(p *process) *process {
		if err := p.start(); err != nil {
			t.Fatal(err)
		}
		return p
	}
	start(newProcess(t, "broker", c))
	part := func(name string, roles ...string) *process {
		return start(newProcess(t, name, childConfig{Mill: &childMill{
			DataDir: filepath.Join(w.dir, name), NATSURL: "nats://" + local(w.port), Roles: roles,
			PublishDir: w.published, ArtifactDir: filepath.Join(w.dir, "artifacts"), Drain: -1,
		}}))
	}
	part("conductor", "conductor")
	w.a, w.b = part("a", "stage:simulate"), part("b", "stage:simulate")
	w.connect()
	return w
}

// TestWorkMovesToTheOtherProcess takes away one of two processes that share a
// stage, politely and not, while each is busy with work that would take it
// minutes, and wants the other to do it all.
func TestWorkMovesToTheOtherProcess(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*process){"stopped": (*process).stop, "killed": (*process).kill} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkers(t)
			w.apply("shared", "    - id: work\n      uses: simulate@1\n      with: { delay: 1s }\n")
			const n = 6
			for i := range n {
				body := fmt.Appendf(nil, `{"key":"s%d","files":[{"name":"x","inline":"eA=="}]}`, i)
				if err := w.conn.Publish(t.Context(), bus.Out{
					Subject: events.SubmitSubject(events.DefaultTenant, "shared"), ID: fmt.Sprint(i), Data: body,
				}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(500 * time.Millisecond) // both are in the middle of something
			end(w.a)
			w.awaitAll(n)
			for id, s := range w.states() {
				if s != events.JobCompleted {
					t.Errorf("job %s ended as %s", id, s)
				}
			}
		})
	}
}
