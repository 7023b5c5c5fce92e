package gateway

import (
	"context"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// checkTimeout bounds each check of readiness.
const checkTimeout = 2 * time.Second

func (g *Gateway) getStages(x *exchange) error {
	list := api.StageList{Stages: []api.Stage{}}
	for _, s := range g.Stages {
		list.Stages = append(list.Stages, describeStage(s))
	}
	return x.json(http.StatusOK, list)
}

// getStage answers with a stage by its name, or by name and version: compress@1. Of
// several versions the newest is meant.
func (g *Gateway) getStage(x *exchange) error {
	name, version, exact := strings.Cut(x.r.PathValue("name"), "@")
	var found *stage.Spec
	for i, s := range g.Stages {
		if s.Name != name || exact && strconv.Itoa(s.Version) != version {
			continue
		}
		if found == nil || s.Version > found.Version {
			found = &g.Stages[i]
		}
	}
	if found == nil {
		f := problemOf(fault.New(fault.StageUnknown, fault.Clip(x.r.PathValue("name"), 100), nil))
		f.Status = http.StatusNotFound // here the stage is what was asked for
		return &refusal{Problem: f}
	}
	return x.json(http.StatusOK, describeStage(*found))
}

func describeStage(s stage.Spec) api.Stage {
	return api.Stage{
		Name: s.Name, Version: s.Version, Logic: s.Logic,
		Summary: s.Summary, Guarantee: s.Guarantee, Inputs: s.Inputs, Outputs: s.Outputs,
		Findings: s.Findings, Faults: s.Faults, Needs: s.Needs, Config: s.Config,
		TimeoutMS: s.Timeout.Milliseconds(), WritesLittle: s.WritesLittle,
	}
}

func (g *Gateway) getLive(x *exchange) error {
	return x.json(http.StatusOK, api.Health{Status: "ok"})
}

// getReady answers 503 while the gateway is stopping, cannot reach the broker, or
// fails another check.
func (g *Gateway) getReady(x *exchange) error {
	health := api.Health{Status: "ok", Checks: map[string]string{"broker": "ok"}}
	var failed []string
	fail := func(name, why string) {
		health.Checks[name] = why
		failed = append(failed, name+": "+why)
	}
	select {
	case <-g.closing:
		fail("gateway", "it is stopping")
	default:
	}
	if !g.Bus.Connected() {
		fail("broker", "it cannot be reached")
	}
	if g.Pressure != nil {
		health.Checks["disk"] = g.disk()
	}
	ctx, cancel := context.WithTimeout(x.r.Context(), checkTimeout)
	defer cancel()
	for name, check := range g.Ready {
		health.Checks[name] = "ok"
		if err := check(ctx); err != nil {
			fail(name, fault.From(err).Message())
		}
	}
	if g.Views != nil {
		health.Checks["view"] = g.viewHealth()
	}
	if len(failed) > 0 {
		if g.Auth != nil { // the route is open: names are enough for strangers
			for i, f := range failed {
				failed[i], _, _ = strings.Cut(f, ":")
			}
		}
		return fault.New(fault.HTTPNotReady, strings.Join(failed, "; "), nil)
	}
	return x.json(http.StatusOK, health)
}

// getVersion answers with what the program was built from.
func (g *Gateway) getVersion(x *exchange) error {
	v := api.Version{Version: g.Version, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		if v.Version == "" {
			v.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value
			}
		}
	}
	if v.Version == "" {
		v.Version = "(devel)"
	}
	return x.json(http.StatusOK, v)
}
